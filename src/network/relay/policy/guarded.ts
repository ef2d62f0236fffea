import { BoundedMap } from '../../../lib/bounded-map.ts'
import type { Clock } from '../../../lib/clock.ts'
import { Loop } from '../../../lib/loop.ts'
import type { Logger } from '../../../telemetry/index.ts'
import type { RelayMetrics } from '../metrics.ts'
import type { RelayPolicy, RelayRequest, RelayRequestKind, RelayVerdict } from '../types.ts'
import type { Grace } from './grace.ts'
import {
  type AccessRule,
  ALLOWED,
  ALLOWED_AS_CLIENT,
  denied,
  type RelayMembers,
  type RelayStanding,
  type RelayStrangers,
} from './types.ts'

/** Half of what gets a peer shunned: it loses the relay before it loses the connection. */
export const DENY_AT_POINTS = 50
/** How often those who use the relay are looked at; so `onChanged` fires at most once a second. */
const WATCH_INTERVAL_MS = 1_000
/** Watched for so much longer than what was given can last: from the verdict to it, and clocks that differ. */
const SLACK_MS = 10 * 60_000
const LISTENERS_LIMIT = 16
/** Both ends identify each other as they connect; whoever has not said by then what it is is none. */
const IDENTIFY_MS = 2_000

export interface GuardedPolicyComponents {
  readonly rule: AccessRule
  readonly grace: Grace
  readonly members: RelayMembers
  /** By whom thin clients are told from other strangers; null: they are strangers as all others. */
  readonly strangers: RelayStrangers | null
  readonly standing: RelayStanding
  readonly metrics: Pick<RelayMetrics, 'graceGiven'>
  readonly logger: Logger
  readonly clock: Clock
  /** How long somebody is watched is measured by this one: a circuit's end is no matter of the time of day. */
  readonly steady: Pick<Clock, 'now'>
  /** How long that lasts at most which an allowed request gives. */
  readonly durationsMs: Readonly<Record<RelayRequestKind, number>>
  /** Allowed requests that are looked at again: reservations and circuits of a full hop. */
  readonly watchedLimit: number
}

interface Watched {
  readonly request: RelayRequest
  readonly atMs: number
  readonly isClient: boolean
}

/** A policy that is started and stopped with the hop. */
export interface RelayPolicyService extends RelayPolicy {
  /** Callable twice. Never throws: what cannot be read yet refuses. */
  start(): Promise<void>
  /** Callable twice; listeners stay. */
  stop(): Promise<void>
}

/**
 * What every policy has in common around its rule: who misbehaves or was revoked is refused whatever
 * the rule says, newcomers get their grace, and whoever was allowed is looked at again each second.
 */
export class GuardedPolicy implements RelayPolicyService {
  readonly name: string
  readonly #components: GuardedPolicyComponents
  readonly #watched: BoundedMap<string, Watched>
  readonly #listeners = new Set<() => void>()
  readonly #loop: Loop
  /** Somebody was pushed out who may still use the relay: only the hop knows. */
  #isIncomplete = false

  constructor(components: GuardedPolicyComponents) {
    this.name = components.rule.name
    this.#watched = new BoundedMap({
      limit: components.watchedLimit,
      onEvict: () => {
        this.#isIncomplete = true
      },
    })
    this.#components = components
    this.#loop = new Loop({
      name: 'relay-policy',
      intervalMs: WATCH_INTERVAL_MS,
      isDelayed: true,
      run: async () => this.#lookAgain(),
      clock: components.clock,
      onError: (error) => components.logger.warn({ error }, 'Relay clients are looked at later'),
    })
  }

  async start(): Promise<void> {
    await this.#components.rule.start()
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
    await this.#components.rule.stop()
    this.#watched.clear()
  }

  judge(request: RelayRequest, signal: AbortSignal): RelayVerdict | Promise<RelayVerdict> {
    const barred = signal.aborted ? denied('aborted') : this.#barred(request)
    if (barred !== null) return this.#note(request, barred)
    const verdict = this.#decide(request, signal)
    return verdict instanceof Promise
      ? verdict.then((found) => this.#note(request, found))
      : this.#note(request, verdict)
  }

  #decide(request: RelayRequest, signal: AbortSignal): RelayVerdict | Promise<RelayVerdict> {
    const { rule, members, strangers } = this.#components
    const verdict = rule.judge(request, signal)
    if (verdict instanceof Promise) return verdict.then((one) => this.#withGrace(request, one))
    // Before the registry is open all are let in, and pages would take the places of members.
    const isKnown = verdict.isAllowed && members.isReady
    if (strangers === null || isKnown) return this.#withGrace(request, verdict)
    const { peerId } = request.client
    const role = strangers.roleOf(peerId)
    if (role === 'client') return this.#asClient(request)
    if (role !== null) return this.#withGrace(request, verdict)
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(IDENTIFY_MS)])
    return strangers.identified(peerId, deadline).then((found) => {
      if (signal.aborted) return denied('aborted')
      return found === 'client' ? this.#asClient(request) : this.#withGrace(request, verdict)
    })
  }

  #asClient({ client }: RelayRequest): RelayVerdict {
    // Its place among the newcomers is for the next one.
    this.#components.grace.release(client.peerId)
    return ALLOWED_AS_CLIENT
  }

  /** @throws RangeError for the 17th listener */
  onChanged(listener: () => void): () => void {
    if (this.#listeners.size >= LISTENERS_LIMIT) throw new RangeError('too many listeners')
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Refusals that no rule can lift. */
  #barred({ client, destination }: RelayRequest): RelayVerdict | null {
    const { standing, members } = this.#components
    const { peerId } = client
    if (standing.isShunned(peerId) || standing.penaltyOf(peerId) >= DENY_AT_POINTS) {
      return denied('penalised')
    }
    if (members.isRevoked(peerId)) return denied('revoked')
    // Its own reservation falls within a second; nobody is to be let through to it meanwhile.
    const isOpen = destination === null || !members.isRevoked(destination)
    return isOpen ? null : denied('destination_revoked')
  }

  #withGrace({ client }: RelayRequest, verdict: RelayVerdict): RelayVerdict {
    const { rule, grace, metrics, logger } = this.#components
    const { peerId: peer, host } = client
    if (verdict.isAllowed) {
      grace.release(peer)
      return verdict
    }
    if (!rule.hasGrace) return verdict
    if (grace.isActive(peer)) return ALLOWED
    const admitted = grace.admit(client)
    if (admitted.isAllowed) {
      metrics.graceGiven()
      logger.info({ host, peer }, 'Relay newcomer has its grace')
    }
    return admitted
  }

  #note(request: RelayRequest, verdict: RelayVerdict): RelayVerdict {
    const key = keyOf(request)
    // Whoever is refused now may have been let in before, and hold what it was given: the hop looks.
    if (!verdict.isAllowed) this.#isIncomplete = this.#watched.delete(key) || this.#isIncomplete
    else {
      const isClient = verdict.class === 'client'
      this.#watched.set(key, { request, atMs: this.#components.steady.now(), isClient })
    }
    return verdict
  }

  #lookAgain(): void {
    const { steady, durationsMs } = this.#components
    const nowMs = steady.now()
    // All that live are judged again, and thereby watched again: there is room for so many.
    let isChanged = this.#isIncomplete
    this.#isIncomplete = false
    for (const [key, watched] of [...this.#watched.entries()]) {
      if (nowMs > watched.atMs + durationsMs[watched.request.kind] + SLACK_MS) {
        this.#watched.delete(key)
        continue
      }
      if (this.#barred(watched.request) === null && this.#isStillAllowed(watched)) continue
      this.#watched.delete(key)
      isChanged = true
    }
    if (isChanged) this.#tell()
  }

  #isStillAllowed({ request, isClient }: Watched): boolean {
    const { rule, grace, strangers } = this.#components
    const { peerId } = request.client
    if (rule.recall(request).isAllowed || (rule.hasGrace && grace.isActive(peerId))) return true
    if (!isClient) return false
    // Of one that is away for a moment nothing is known; one that serves what stations do has its own rules.
    return ['client', null].includes(strangers?.roleOf(peerId) ?? null)
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener()
      } catch (error) {
        this.#components.logger.error({ error }, 'A relay listener failed')
      }
    }
  }
}

function keyOf({ kind, client, destination }: RelayRequest): string {
  return `${kind} ${client.peerId} ${client.host} ${destination ?? ''}`
}
