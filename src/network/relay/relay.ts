import type { PrivateKey } from '@libp2p/interface'

import { type Clock, systemClock } from '../../lib/clock.ts'
import type { Logger, Metrics } from '../../telemetry/index.ts'
import { Circuits } from './circuits/circuits.ts'
import { withClientShare } from './client-class.ts'
import { createRelayJournal, type RelayJournal } from './events.ts'
import type { HopAddresses } from './hop/addresses.ts'
import { type HopComponents, HopService } from './hop/hop-service.ts'
import type { RelayOptions } from './options.ts'
import { createRelayPolicy } from './policy/create.ts'
import type { RelayPolicyService } from './policy/guarded.ts'
import type { RelayMembers, RelayStanding, RelayStrangers } from './policy/types.ts'
import type { RelayLimits, RelayReport, RelayStatus } from './types.ts'

export interface RelayComponents {
  readonly libp2p: HopComponents['libp2p']
  readonly privateKey: PrivateKey
  readonly addresses: HopAddresses
  readonly members: RelayMembers
  readonly standing: RelayStanding
  /** @default thin clients are not told from other strangers, and have no share */
  readonly strangers?: RelayStrangers
  readonly logger: Logger
  readonly metrics: Metrics
  /** @default systemClock */
  readonly clock?: Clock
}

/** The relay as a whole: policy, hop, circuits and the journal of what happens on them. */
export class Relay {
  readonly #circuits: Circuits
  readonly #policy: RelayPolicyService
  readonly #hop: HopService
  readonly #journal: RelayJournal

  /** @param derived limits that follow the memory, where the options have none */
  constructor(options: RelayOptions, derived: RelayLimits, components: RelayComponents) {
    const { logger, metrics, members, standing, strangers, clock = systemClock } = components
    const { name } = options.policy
    const hasClients = options.hasClients === true && (name === 'registry' || name === 'trusted')
    const all = options.limits ?? derived
    const limits = hasClients && strangers !== undefined ? withClientShare(all) : all
    this.#journal = createRelayJournal({ metrics, logger, clock, status: () => this.status() })
    const { events } = this.#journal
    this.#circuits = new Circuits(
      { limits, quotaPath: options.quotaPath },
      { events, logger, clock },
    )
    this.#policy = createRelayPolicy(options.policy, {
      members,
      standing,
      ...(limits.clients === undefined || strangers === undefined ? {} : { strangers }),
      metrics: this.#journal.metrics,
      logger,
      places: { reservations: all.reservations.total, circuits: all.circuits.total },
      durationsMs: {
        reserve: all.reservations.ttlSeconds * 1_000,
        connect: all.circuits.durationSeconds * 1_000,
      },
      clock: components.clock,
    })
    const { libp2p, privateKey, addresses } = components
    const circuits = this.#circuits
    this.#hop = new HopService(limits, {
      ...{ libp2p, privateKey, addresses, circuits, events, logger, clock },
      policy: this.#policy,
    })
  }

  /** Begins to serve, once the host listens. Callable twice. */
  async start(): Promise<void> {
    try {
      await this.#circuits.start()
      await this.#policy.start()
      await this.#hop.start()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Ends what is relayed, and writes what the month has used. Callable twice, and after a failed start. */
  async stop(): Promise<void> {
    await this.#hop.stop()
    await this.#policy.stop()
    await this.#circuits.stop()
  }

  status(): RelayStatus {
    return { ...this.#hop.status(), monthBytes: this.#circuits.monthBytes }
  }

  report(): RelayReport {
    return { status: this.status(), totals: this.#journal.totals() }
  }
}
