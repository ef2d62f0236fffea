import { type Clock, isLately } from '../../../lib/clock.ts'
import { Loop } from '../../../lib/loop.ts'
import type { RelayClassLimits, RelayClient, RelayLimits, ReservationStatus } from '../types.ts'
import { hostKeyOf } from './client-source.ts'
import { SWEEP_INTERVAL_MS } from './constants.ts'

export type ReservationRefusal =
  | 'reservations_total'
  | 'reservations_host'
  | 'reservations_subnet'
  | 'clients_total'
  | 'clients_host'
  | 'clients_subnet'

const MEMBER_REFUSALS: Record<Bound, ReservationRefusal> = {
  total: 'reservations_total',
  host: 'reservations_host',
  subnet: 'reservations_subnet',
}
const CLIENT_REFUSALS: Record<Bound, ReservationRefusal> = {
  total: 'clients_total',
  host: 'clients_host',
  subnet: 'clients_subnet',
}

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
  readonly #clientLimits: RelayClassLimits['reservations'] | null
  readonly #components: ReservationComponents
  readonly #reservations = new Map<string, Reservation>()
  readonly #members = new Held()
  readonly #clients = new Held()
  readonly #sweeper: Loop

  constructor(
    { reservations, clients }: Pick<RelayLimits, 'reservations' | 'clients'>,
    components: ReservationComponents,
  ) {
    this.#limits = reservations
    this.#clientLimits = clients?.reservations ?? null
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
    const known = this.#reservations.get(client.peerId)?.client
    const held = this.#heldBy(client)
    const own = known?.class === client.class ? known : undefined
    if (client.class !== 'client') {
      const bound = held.boundBy(client, own, this.#limits)
      return bound === null ? null : MEMBER_REFUSALS[bound]
    }
    const limits = this.#clientLimits
    if (limits === null) return 'clients_total'
    // Behind a private address, a proxy's for example, there may be many.
    const isPublic = client.host !== client.subnet
    const perHost = isPublic ? limits.perHost : limits.perSubnet
    const bound = held.boundBy(client, own, { ...limits, perHost })
    return bound === null ? null : CLIENT_REFUSALS[bound]
  }

  #heldBy(client: RelayClient): Held {
    return client.class === 'client' ? this.#clients : this.#members
  }

  #live(peerId: string): Reservation | null {
    const reservation = this.#reservations.get(peerId)
    return reservation !== undefined && this.#endOf(reservation) === null ? reservation : null
  }

  /** Why a reservation is over; null while it is not. */
  #endOf(reservation: Reservation): 'expired' | 'disconnected' | null {
    const { client, expiresAtMs, disconnectedAtMs } = reservation
    const nowMs = this.#components.clock.now()
    if (nowMs >= expiresAtMs) return 'expired'
    const limits = client.class === 'client' ? this.#clientLimits : null
    const { graceMs } = limits ?? this.#limits
    const isAway = disconnectedAtMs !== null && !isLately(disconnectedAtMs, graceMs, nowMs)
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
    this.#heldBy(client).count(client, 1)
  }

  #remove({ client }: Reservation): void {
    this.#reservations.delete(client.peerId)
    this.#heldBy(client).count(client, -1)
  }
}

type Bound = 'total' | 'host' | 'subnet'
type Bounds = Pick<RelayLimits['reservations'], 'total' | 'perHost' | 'perSubnet'>

/** The places of one class: in all, by host, by subnet. */
class Held {
  readonly #hosts = new Map<string, number>()
  readonly #subnets = new Map<string, number>()
  #total = 0

  /** Which bound keeps a client out. @param own the place it has in this class, which it would give back */
  boundBy(client: RelayClient, own: RelayClient | undefined, bounds: Bounds): Bound | null {
    const host = hostKeyOf(client)
    const others = (held: number, isOwnAmong: boolean) => held - (isOwnAmong ? 1 : 0)
    if (others(this.#total, own !== undefined) >= bounds.total) return 'total'
    const ownHost = own === undefined ? null : hostKeyOf(own)
    if (others(this.#hosts.get(host) ?? 0, ownHost === host) >= bounds.perHost) return 'host'
    const inSubnet = others(this.#subnets.get(client.subnet) ?? 0, own?.subnet === client.subnet)
    return inSubnet >= bounds.perSubnet ? 'subnet' : null
  }

  count(client: RelayClient, by: 1 | -1): void {
    this.#total += by
    count(this.#hosts, hostKeyOf(client), by)
    count(this.#subnets, client.subnet, by)
  }
}

function count(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const next = (counts.get(key) ?? 0) + by
  if (next > 0) counts.set(key, next)
  else counts.delete(key)
}
