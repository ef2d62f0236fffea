import type { Clock } from '../../../lib/clock.ts'
import { Loop } from '../../../lib/loop.ts'
import type { RelayClient, RelayLimits, ReservationStatus } from '../types.ts'
import { hostKeyOf } from './client-source.ts'
import { SWEEP_INTERVAL_MS } from './constants.ts'

export type ReservationRefusal = 'reservations_total' | 'reservations_host' | 'reservations_subnet'

export interface TakenReservation {
  readonly expiresAtMs: number
  readonly isRefresh: boolean
}

export interface ReservationComponents {
  readonly clock: Clock
  /** Once for each reservation that is gone, after it is. */
  readonly onEnded: (client: RelayClient, reason: string) => void
}

interface Reservation {
  readonly client: RelayClient
  readonly reservedAtMs: number
  readonly expiresAtMs: number
  /** null: connected. */
  disconnectedAtMs: number | null
}

/**
 * Who may be reached through this relay: one place for each peer, so many for a host, a subnet and in all.
 * A place is free again when it has run out, or a short grace after its peer left. One loop looks for both;
 * no reservation has a timer of its own.
 */
export class ReservationStore {
  readonly #limits: RelayLimits['reservations']
  readonly #components: ReservationComponents
  readonly #reservations = new Map<string, Reservation>()
  readonly #hosts = new Map<string, number>()
  readonly #subnets = new Map<string, number>()
  readonly #sweeper: Loop

  constructor(limits: RelayLimits['reservations'], components: ReservationComponents) {
    this.#limits = limits
    this.#components = components
    this.#sweeper = new Loop({
      name: 'relay-reservations',
      intervalMs: SWEEP_INTERVAL_MS,
      isDelayed: true,
      clock: components.clock,
      run: async () => this.#sweep(),
    })
  }

  get size(): number {
    return this.#reservations.size
  }

  start(): void {
    this.#sweeper.start()
  }

  async stop(): Promise<void> {
    await this.#sweeper.stop()
  }

  /** Gives a connected peer a place, or its place for longer. A refused refresh keeps what is left. */
  take(client: RelayClient): TakenReservation | ReservationRefusal {
    // Before others are refused, what is over has to go.
    if (this.#refusalOf(client) !== null) this.#sweep()
    const refusal = this.#refusalOf(client)
    if (refusal !== null) return refusal
    const nowMs = this.#components.clock.now()
    const earlier = this.#live(client.peerId)
    if (earlier === null) this.end(client.peerId, 'expired')
    else this.#remove(earlier)
    const expiresAtMs = nowMs + this.#limits.ttlSeconds * 1_000
    const reservedAtMs = earlier?.reservedAtMs ?? nowMs
    this.#add({ client, reservedAtMs, expiresAtMs, disconnectedAtMs: null })
    return { expiresAtMs, isRefresh: earlier !== null }
  }

  /** The place of a peer that can be reached now; null when it has none, or is away. */
  reachable(peerId: string): RelayClient | null {
    const reservation = this.#live(peerId)
    return reservation?.disconnectedAtMs === null ? reservation.client : null
  }

  /** The peer has a connection of its own again. */
  noteConnected(peerId: string): void {
    const reservation = this.#reservations.get(peerId)
    if (reservation !== undefined) reservation.disconnectedAtMs = null
  }

  /** The peer's last connection of its own is closed: its place waits for `graceMs`. */
  noteDisconnected(peerId: string): void {
    const reservation = this.#reservations.get(peerId)
    if (reservation !== undefined) reservation.disconnectedAtMs ??= this.#components.clock.now()
  }

  list(): ReservationStatus[] {
    const live = [...this.#reservations.values()].filter((one) => this.#endOf(one) === null)
    return live.map(({ client, reservedAtMs, expiresAtMs, disconnectedAtMs }) => ({
      client,
      reservedAtMs,
      expiresAtMs,
      isConnected: disconnectedAtMs === null,
    }))
  }

  /** Frees a peer's place now. Of one it does not have, nothing is told. */
  end(peerId: string, reason: string): void {
    const reservation = this.#reservations.get(peerId)
    if (reservation === undefined) return
    this.#remove(reservation)
    this.#components.onEnded(reservation.client, reason)
  }

  endAll(reason: string): void {
    for (const peerId of [...this.#reservations.keys()]) this.end(peerId, reason)
  }

  #refusalOf(client: RelayClient): ReservationRefusal | null {
    const { total, perHost, perSubnet } = this.#limits
    const own = this.#reservations.get(client.peerId)?.client
    const host = hostKeyOf(client)
    const others = (held: number, isOwnAmong: boolean) => held - (isOwnAmong ? 1 : 0)
    if (others(this.#reservations.size, own !== undefined) >= total) return 'reservations_total'
    const ownHost = own === undefined ? null : hostKeyOf(own)
    const onHost = others(this.#hosts.get(host) ?? 0, ownHost === host)
    if (onHost >= perHost) return 'reservations_host'
    const inSubnet = others(this.#subnets.get(client.subnet) ?? 0, own?.subnet === client.subnet)
    return inSubnet >= perSubnet ? 'reservations_subnet' : null
  }

  #live(peerId: string): Reservation | null {
    const reservation = this.#reservations.get(peerId)
    return reservation !== undefined && this.#endOf(reservation) === null ? reservation : null
  }

  /** Why a reservation is over; null while it is not. */
  #endOf({ expiresAtMs, disconnectedAtMs }: Reservation): 'expired' | 'disconnected' | null {
    const nowMs = this.#components.clock.now()
    if (nowMs >= expiresAtMs) return 'expired'
    const isAway = disconnectedAtMs !== null && nowMs >= disconnectedAtMs + this.#limits.graceMs
    return isAway ? 'disconnected' : null
  }

  #sweep(): void {
    for (const [peerId, reservation] of [...this.#reservations]) {
      const reason = this.#endOf(reservation)
      if (reason !== null) this.end(peerId, reason)
    }
  }

  #add(reservation: Reservation): void {
    const { client } = reservation
    this.#reservations.set(client.peerId, reservation)
    count(this.#hosts, hostKeyOf(client), 1)
    count(this.#subnets, client.subnet, 1)
  }

  #remove({ client }: Reservation): void {
    this.#reservations.delete(client.peerId)
    count(this.#hosts, hostKeyOf(client), -1)
    count(this.#subnets, client.subnet, -1)
  }
}

function count(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const next = (counts.get(key) ?? 0) + by
  if (next > 0) counts.set(key, next)
  else counts.delete(key)
}
