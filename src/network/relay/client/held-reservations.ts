import type { Logger } from '../../../telemetry/index.ts'
import type { Held } from './ask.ts'
import type { RelayClientMetrics, ReservationLoss } from './metrics.ts'
import type { RelayClientPort } from './types.ts'

export interface HeldReservationsComponents {
  readonly port: Pick<RelayClientPort, 'publish'>
  readonly metrics: Pick<RelayClientMetrics, 'lost'>
  readonly logger: Logger
}

/** The places that relays keep for this node, at most as many as are wanted; each change is published. */
export class HeldReservations {
  readonly #components: HeldReservationsComponents
  readonly #held = new Map<string, Held>()

  constructor(components: HeldReservationsComponents) {
    this.#components = components
  }

  has(relay: string): boolean {
    return this.#held.has(relay)
  }

  list(): readonly Held[] {
    return [...this.#held.values()]
  }

  /** A new one, or one with more time. */
  hold(held: Held): void {
    this.#held.set(held.relayPeerId, held)
    this.#publish()
  }

  /** One that holds is asked for again at another time. */
  putOffRefresh(relay: string, refreshAtMs: number): void {
    const held = this.#held.get(relay)
    if (held !== undefined) this.#held.set(relay, { ...held, refreshAtMs })
  }

  lose(relay: string, reason: ReservationLoss): void {
    const { metrics, logger } = this.#components
    if (!this.#held.delete(relay)) return
    metrics.lost(reason)
    logger.info({ relay, reason }, 'No longer reachable through a relay')
    this.#publish()
  }

  loseAll(reason: ReservationLoss): void {
    for (const { relayPeerId } of this.list()) this.lose(relayPeerId, reason)
  }

  #publish(): void {
    this.#components.port.publish(this.list())
  }
}
