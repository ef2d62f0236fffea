import { BoundedMap } from '../../../lib/bounded-map.ts'
import type { Clock } from '../../../lib/clock.ts'
import { hostKeyOf } from '../hop/client-source.ts'
import type { RelayLimits } from '../types.ts'
import { RateBucket } from './rate-bucket.ts'

/** One timer serves all that wait. */
const ROUND_MS = 50
/** What one that waits is given before the next one has its turn. */
const QUANTUM_BYTES = 4_096
/** A wait that goes on is reported this often. */
const REPORT_MS = 1_000

export interface ShaperOptions {
  readonly rates: RelayLimits['rates']
  /** Hosts whose buckets are remembered when their circuits have ended: a new circuit is no new burst. */
  readonly maxHosts: number
}

export interface ShaperComponents {
  readonly clock: Clock
  /** Somebody waited for a bucket, for so long; a long wait is reported in parts. */
  readonly onWaited: (bucket: string, ms: number) => void
}

/** A circuit's part in the rates: both its directions take from the same buckets. */
export interface CircuitShare {
  readonly buckets: readonly RateBucket[]
}

interface Waiter {
  readonly share: CircuitShare
  readonly wake: () => void
  wantedBytes: number
  grantedBytes: number
  /** What is left of its turn. */
  turnBytes: number
  sinceMs: number
  bucket: string
}

/**
 * Who may pass how many bytes when: bytes pass the bucket of their circuit, of the host that opened it and of
 * the whole relay. Whoever finds one empty waits in line and is served in turn, a quantum each; whoever comes
 * later queues behind, so that a busy circuit starves no other. Waiters are at most two for each circuit.
 */
export class Shaper {
  readonly #rates: RelayLimits['rates']
  readonly #clock: Clock
  readonly #onWaited: ShaperComponents['onWaited']
  readonly #hosts: BoundedMap<string, RateBucket>
  readonly #total: RateBucket[]
  /** Longest waiting first; the key is whoever asks. */
  readonly #waiters = new Map<object, Waiter>()
  #round: AbortController | null = null

  constructor({ rates, maxHosts }: ShaperOptions, { clock, onWaited }: ShaperComponents) {
    this.#rates = rates
    this.#clock = clock
    this.#onWaited = onWaited
    this.#hosts = new BoundedMap({ limit: maxHosts })
    this.#total = this.#newBucket('total', rates.totalBytesPerSecond)
  }

  get waiting(): number {
    return this.#waiters.size
  }

  /** @param host an IP; a /64 has one bucket, however many addresses of it open circuits */
  join(host: string): CircuitShare {
    const own = this.#newBucket('circuit', this.#rates.circuitBytesPerSecond)
    return { buckets: [...own, ...this.#hostBucket(hostKeyOf({ host })), ...this.#total] }
  }

  /**
   * @param asker one direction of a circuit
   * @param wake called when there may be more, if fewer than `wanted` are returned
   * @returns bytes that may pass now; they are spent
   */
  take(asker: object, share: CircuitShare, wanted: number, wake: () => void): number {
    if (share.buckets.length === 0) return wanted
    const inLine = this.#waiters.get(asker)
    if (inLine !== undefined) return this.#collect(asker, inLine, wanted)
    const sinceMs = this.#clock.now()
    for (const bucket of share.buckets) bucket.refill(sinceMs)
    const empty = share.buckets.find((bucket) => bucket.isContended || bucket.available === 0)
    if (empty === undefined) return spend(share, wanted)
    empty.isContended = true
    const bucket = empty.name
    const bytes = { wantedBytes: wanted, grantedBytes: 0, turnBytes: QUANTUM_BYTES }
    this.#waiters.set(asker, { share, wake, ...bytes, sinceMs, bucket })
    this.#startRound()
    return 0
  }

  /** Lets them pass at once, at the expense of those that come later: where holding them would cost too much. */
  force(asker: object, share: CircuitShare, bytes: number): void {
    const unused = this.#waiters.get(asker)?.grantedBytes ?? 0
    this.leave(asker)
    for (const bucket of share.buckets) bucket.spend(bytes - unused)
  }

  /** Forgets who asked. */
  leave(asker: object): void {
    const waiter = this.#waiters.get(asker)
    if (waiter === undefined) return
    this.#waiters.delete(asker)
    if (waiter.wantedBytes > 0) this.#report(waiter)
  }

  stop(): void {
    this.#round?.abort()
    this.#round = null
    this.#waiters.clear()
  }

  #collect(asker: object, waiter: Waiter, wanted: number): number {
    const bytes = Math.min(wanted, waiter.grantedBytes)
    waiter.grantedBytes -= bytes
    // It has all that it asked for: should it need more, it asks anew.
    if (waiter.wantedBytes === 0 && waiter.grantedBytes === 0) this.#waiters.delete(asker)
    return bytes
  }

  #startRound(): void {
    if (this.#round !== null) return
    const round = new AbortController()
    this.#round = round
    this.#clock.sleep(ROUND_MS, round.signal).then(
      () => {
        this.#round = null
        this.#serve()
      },
      // Stopped.
      () => {},
    )
  }

  #serve(): void {
    const nowMs = this.#clock.now()
    for (const { share } of this.#waiters.values()) {
      for (const bucket of share.buckets) {
        bucket.isContended = false
        bucket.refill(nowMs)
      }
    }
    const served = this.#giveOut()
    for (const waiter of this.#waiters.values()) {
      if (waiter.wantedBytes > 0) this.#waitOn(waiter, nowMs)
      else if (served.has(waiter)) this.#report(waiter)
    }
    for (const waiter of served) waiter.wake()
  }

  /** A quantum to each in line, again and again, while anything is left of what was there at the beginning. */
  #giveOut(): Set<Waiter> {
    const served = new Set<Waiter>()
    let isProgress = true
    while (isProgress) {
      isProgress = false
      for (const [asker, waiter] of [...this.#waiters]) {
        const bytes = spend(waiter.share, Math.min(waiter.turnBytes, waiter.wantedBytes))
        if (bytes === 0) continue
        waiter.turnBytes -= bytes
        waiter.wantedBytes -= bytes
        waiter.grantedBytes += bytes
        served.add(waiter)
        isProgress = true
        // Should the bytes run out, the next round begins with who had none, or not the whole turn.
        if (waiter.turnBytes > 0) continue
        waiter.turnBytes = QUANTUM_BYTES
        this.#waiters.delete(asker)
        this.#waiters.set(asker, waiter)
      }
    }
    return served
  }

  #waitOn(waiter: Waiter, nowMs: number): void {
    const [first, ...others] = waiter.share.buckets
    if (first === undefined) return
    const scarcest = others.reduce((a, b) => (b.available < a.available ? b : a), first)
    scarcest.isContended = true
    waiter.bucket = scarcest.name
    if (nowMs - waiter.sinceMs >= REPORT_MS) this.#report(waiter)
    this.#startRound()
  }

  #report(waiter: Waiter): void {
    const nowMs = this.#clock.now()
    this.#onWaited(waiter.bucket, Math.max(0, nowMs - waiter.sinceMs))
    waiter.sinceMs = nowMs
  }

  #hostBucket(host: string): RateBucket[] {
    const known = this.#hosts.get(host)
    if (known !== undefined) return [known]
    const bucket = this.#newBucket('host', this.#rates.hostBytesPerSecond)
    for (const made of bucket) this.#hosts.set(host, made)
    return bucket
  }

  #newBucket(name: RateBucket['name'], bytesPerSecond: number | null): RateBucket[] {
    if (bytesPerSecond === null) return []
    const { burstSeconds } = this.#rates
    return [new RateBucket({ name, bytesPerSecond, burstSeconds, nowMs: this.#clock.now() })]
  }
}

/** @returns what all buckets had of `wanted`, which is spent */
function spend({ buckets }: CircuitShare, wanted: number): number {
  let bytes = wanted
  for (const { available } of buckets) bytes = Math.min(bytes, available)
  if (bytes > 0) for (const bucket of buckets) bucket.spend(bytes)
  return bytes
}
