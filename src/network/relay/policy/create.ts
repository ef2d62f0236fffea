import { type Clock, steadyClock, systemClock } from '../../../lib/clock.ts'
import type { Logger } from '../../../telemetry/index.ts'
import type { RelayMetrics } from '../metrics.ts'
import { Grace } from './grace.ts'
import { GuardedPolicy, type GuardedPolicyComponents, type RelayPolicyService } from './guarded.ts'
import { createHookCaller } from './hook-request.ts'
import { HOOK_DEFAULTS, HttpRule } from './http.ts'
import { ListRule } from './list.ts'
import { openRule, registryRule, trustedRule } from './membership.ts'
import type {
  AccessRule,
  RelayMembers,
  RelayPolicyOptions,
  RelayStanding,
  RelayStrangers,
} from './types.ts'

/** Newcomers in their grace at a time, of all reservations: members keep the rest. */
const GRACE_SHARE = 0.25

export interface RelayPolicyComponents {
  readonly members: RelayMembers
  readonly standing: RelayStanding
  /** @default thin clients are strangers as all others */
  readonly strangers?: RelayStrangers
  readonly metrics: Pick<RelayMetrics, 'graceGiven' | 'hookAsked'>
  readonly logger: Logger
  /** Of the hop. */
  readonly places: { readonly reservations: number; readonly circuits: number }
  /** How long a reservation, and a circuit, lasts there at most. */
  readonly durationsMs: GuardedPolicyComponents['durationsMs']
  /** @default systemClock */
  readonly clock?: Clock
  /** @default a steady one; the clock that was given */
  readonly steady?: Pick<Clock, 'now'>
}

/** Answers of the hook that are kept for each place: a no, too, has to be remembered for a while. */
const ANSWERS_PER_PLACE = 2

/** Makes the policy that the operator chose, not started. */
export function createRelayPolicy(
  options: RelayPolicyOptions,
  components: RelayPolicyComponents,
): RelayPolicyService {
  const { members, standing, metrics, logger, strangers = null } = components
  const { clock = systemClock, steady = components.clock ?? steadyClock() } = components
  const rule = createRule(options, { ...components, clock, steady })
  const { reservations, circuits } = components.places
  return new GuardedPolicy({
    rule,
    // Who lists or asks a service has decided about pages too, and `open` lets in all of them.
    strangers: rule.hasGrace ? strangers : null,
    grace: new Grace({ places: Math.max(1, Math.floor(reservations * GRACE_SHARE)) }, steady),
    watchedLimit: reservations + circuits,
    durationsMs: components.durationsMs,
    members,
    standing,
    metrics,
    logger,
    clock,
    steady,
  })
}

function createRule(
  options: RelayPolicyOptions,
  components: RelayPolicyComponents & Required<Pick<RelayPolicyComponents, 'clock' | 'steady'>>,
): AccessRule {
  const { members, metrics, logger, clock, steady } = components
  switch (options.name) {
    case 'open':
      return openRule()
    case 'registry':
      return registryRule(members)
    case 'trusted':
      return trustedRule(members)
    case 'list':
      return new ListRule(options, { logger, clock })
    case 'http': {
      const { url, secret, ...own } = options.hook
      const limits = { ...HOOK_DEFAULTS, answersLimit: answersLimit(components), ...own }
      const caller = createHookCaller({ url, secret, concurrency: limits.concurrency })
      return new HttpRule(limits, { caller, metrics, logger, clock: steady })
    }
  }
}

/** Were fewer kept than there are peers to look at, each look would push out answers that the next one needs. */
function answersLimit({ places }: RelayPolicyComponents): number {
  const needed = ANSWERS_PER_PLACE * (places.reservations + places.circuits)
  return Math.max(HOOK_DEFAULTS.answersLimit, needed)
}
