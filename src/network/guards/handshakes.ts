import type { MultiaddrConnection } from '@libp2p/interface'

import { Sizes } from '../../lib/sizes.ts'
import { Groups } from './groups.ts'
import type { Source } from './source.ts'

export interface HandshakeLimits {
  /** Inbound connections in their handshake. */
  readonly total: number
  /** Of one public host. */
  readonly perHost: number
  /** Of one /24 or /48. */
  readonly perSubnet: number
}

export type HandshakeCap = 'handshakes' | 'handshakes-host' | 'handshakes-subnet'

export interface HandshakesComponents {
  /** A handshake was given up for a younger one. */
  readonly onDropped: () => void
  /** ms; a time that stands still while we are slow drops nobody for it. @default Date.now */
  readonly now?: () => number
}

type Connection = Pick<MultiaddrConnection, 'timeline' | 'abort' | 'addEventListener'>

interface Pending {
  readonly connection: Connection
  readonly source: Source
  readonly sinceMs: number
}

/** An honest handshake is through by then even over a satellite. */
const DROP_AFTER_MS = 1_000
/** A LAN's gateway or a proxy may hold this share of all handshakes. */
const SHARED_SHARE = 0.5

/**
 * Bounds connections that have not said who they are. Who opens many and says nothing has its host's and its
 * subnet's share and no more; when all are taken, the one that waits longest in the allocation that has most
 * makes room, so that even a flood from everywhere leaves an honest peer the second it needs.
 *
 * Takes the place of a limit of libp2p 3.3, which counts all together and refuses everybody at it. Can go when
 * libp2p counts them by host and subnet.
 */
export class Handshakes {
  readonly #limits: HandshakeLimits
  readonly #components: HandshakesComponents
  readonly #now: () => number
  readonly #pending = new Map<Connection['timeline'], Pending>()
  readonly #hosts = new Sizes()
  readonly #subnets = new Sizes()
  readonly #allocations = new Groups<Pending>()

  constructor(limits: HandshakeLimits, components: HandshakesComponents) {
    this.#limits = limits
    this.#components = components
    this.#now = components.now ?? Date.now
  }

  /** Handshakes under way. */
  get count(): number {
    return this.#pending.size
  }

  /** @returns what refuses the connection, or null when its handshake may begin */
  begin(connection: Connection, source: Source): HandshakeCap | null {
    const cap = this.#capOf(source)
    if (cap !== null) return cap
    if (this.#pending.size >= this.#limits.total && !this.#dropOne()) return 'handshakes'
    const pending = { connection, source, sinceMs: this.#now() }
    this.#pending.set(connection.timeline, pending)
    this.#hosts.add(source.host)
    this.#subnets.add(source.subnet)
    this.#allocations.add(source.allocation, pending)
    connection.addEventListener('close', () => this.end(connection), { once: true })
    return null
  }

  /** The connection said who it is, or closed. Callable twice. */
  end({ timeline }: Pick<Connection, 'timeline'>): void {
    const pending = this.#pending.get(timeline)
    if (pending === undefined) return
    this.#pending.delete(timeline)
    const { host, subnet, allocation } = pending.source
    this.#hosts.subtract(host)
    this.#subnets.subtract(subnet)
    this.#allocations.delete(allocation, pending)
  }

  #capOf(source: Source): HandshakeCap | null {
    const { total, perHost, perSubnet } = this.#limits
    if (source.kind === 'exempt') return null
    const isShared = source.kind === 'shared'
    const share = Math.max(perHost, Math.ceil(total * SHARED_SHARE))
    if (this.#hosts.of(source.host) >= (isShared ? share : perHost)) return 'handshakes-host'
    if (!isShared && this.#subnets.of(source.subnet) >= perSubnet) return 'handshakes-subnet'
    return null
  }

  #dropOne(): boolean {
    const oldest = this.#allocations.oldestOfLargest()
    if (oldest === null || this.#now() - oldest.sinceMs < DROP_AFTER_MS) return false
    this.end(oldest.connection)
    this.#components.onDropped()
    oldest.connection.abort(new Error('the handshake took too long while others wait'))
    return true
  }
}
