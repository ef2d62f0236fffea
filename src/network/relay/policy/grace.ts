import { BoundedMap } from '../../../lib/bounded-map.ts'
import type { Clock } from '../../../lib/clock.ts'
import { hostKeyOf } from '../hop/client-source.ts'
import type { RelayClient, RelayVerdict } from '../types.ts'
import { ALLOWED, denied } from './types.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

export interface GraceOptions {
  /** Peers in their grace at a time. */
  readonly places: number
  /** From the first request, ms. @default 600000 */
  readonly durationMs?: number
  /** A peer gets the next one so long after its last began, ms. @default 86400000 */
  readonly everyMs?: number
  /** Peers of one public host within that time: a household that sets up its stations. @default 4 */
  readonly perHost?: number
  /** The same for a private address, behind which there may be many. @default 32 */
  readonly perPrivateHost?: number
  /** Peers, and hosts, that are remembered to have had theirs. @default 8192 */
  readonly remembered?: number
}

/**
 * A short time for peers that nobody knows yet. Without it a station behind NAT could never become
 * known: its record names the relay that it reserved on. It can neither be had again at will nor take
 * many places, so that strangers gain little by coming back under new names.
 */
export class Grace {
  readonly #options: Required<GraceOptions>
  readonly #clock: Pick<Clock, 'now'>
  /** Peer ID -> when its grace ends; as many as there are places. */
  readonly #active = new Map<string, number>()
  /** Peer ID -> when it may have another. */
  readonly #had: BoundedMap<string, number>
  readonly #hosts: BoundedMap<string, { readonly againAtMs: number; count: number }>

  constructor(options: GraceOptions, clock: Pick<Clock, 'now'>) {
    const remembered = options.remembered ?? 8192
    this.#options = {
      durationMs: 10 * MINUTE_MS,
      everyMs: DAY_MS,
      perHost: 4,
      perPrivateHost: 32,
      ...options,
      remembered,
    }
    this.#clock = clock
    this.#had = new BoundedMap({ limit: remembered })
    this.#hosts = new BoundedMap({ limit: remembered })
  }

  /** Peers in their grace now. */
  get size(): number {
    this.#expire()
    return this.#active.size
  }

  /** @returns a refusal with `grace_over`, `grace_host` or `grace_full` */
  admit(client: RelayClient): RelayVerdict {
    if (this.isActive(client.peerId)) return ALLOWED
    const nowMs = this.#clock.now()
    if ((this.#had.peek(client.peerId) ?? 0) > nowMs) return denied('grace_over')
    const host = this.#hostOf(client, nowMs)
    if (host.count >= this.#perHost(client)) return denied('grace_host')
    if (this.size >= this.#options.places) return denied('grace_full')
    host.count += 1
    this.#hosts.set(hostKeyOf(client), host)
    this.#had.set(client.peerId, nowMs + this.#options.everyMs)
    this.#active.set(client.peerId, nowMs + this.#options.durationMs)
    return ALLOWED
  }

  isActive(peerId: string): boolean {
    return (this.#active.get(peerId) ?? 0) > this.#clock.now()
  }

  /** It is known by now: its place is for the next one. */
  release(peerId: string): void {
    this.#active.delete(peerId)
  }

  #perHost({ host, subnet }: RelayClient): number {
    return host === subnet ? this.#options.perPrivateHost : this.#options.perHost
  }

  #hostOf(client: RelayClient, nowMs: number): { readonly againAtMs: number; count: number } {
    const known = this.#hosts.peek(hostKeyOf(client))
    if (known !== undefined && known.againAtMs > nowMs) return known
    return { againAtMs: nowMs + this.#options.everyMs, count: 0 }
  }

  #expire(): void {
    const nowMs = this.#clock.now()
    for (const [peerId, endsAtMs] of this.#active) {
      if (endsAtMs <= nowMs) this.#active.delete(peerId)
    }
  }
}
