import { type Clock, steadyClock } from '../lib/clock.ts'
import { TokenBucket } from '../lib/token-bucket.ts'
import type { NetworkService } from '../network/index.ts'

/** Both relays of a start are reserved within this time, and make one entry. */
const SETTLE_MS = 3_000
/** A relay that restarts keeps its address; what is gone for so long is written about. */
const GONE_MS = 20_000
/** A further way to this node is worth an entry in everybody's log so often. */
const ADDITION_EVERY_MS = 4 * 3_600_000
/** Entries because there was no way yet, or one is gone: a few at once, then one an hour. */
const BURST = 4
const PER_SECOND = 1 / 3600
/** Of two relays, and verified ones. */
const LIMIT_ADDRESSES = 6

/**
 * What the record of a station says of where it is reached. Each change of it is an entry that goes to every
 * station, so a relay that comes and goes must not make one each time.
 */
export class SteadyAddresses {
  readonly #source: () => readonly string[]
  readonly #clock: Clock
  readonly #bucket: TokenBucket
  #told: readonly string[] = []
  #toldAtMs = Number.NEGATIVE_INFINITY
  #seen = ''
  #seenSinceMs: number

  /** @param source addresses as they are now */
  constructor(source: () => readonly string[], clock: Clock) {
    this.#source = source
    this.#clock = clock
    this.#bucket = new TokenBucket({ capacity: BURST, refillPerSecond: PER_SECOND, clock })
    this.#seenSinceMs = clock.now()
  }

  /** The addresses to be written; asked every few seconds. */
  read(): readonly string[] {
    const nowMs = this.#clock.now()
    const current = [...new Set(this.#source())].slice(0, LIMIT_ADDRESSES).sort()
    const seen = current.join()
    if (seen !== this.#seen) {
      this.#seen = seen
      this.#seenSinceMs = nowMs
    }
    if (seen !== this.#told.join() && this.#isTime(current, nowMs)) {
      this.#told = current
      this.#toldAtMs = nowMs
    }
    return this.#told
  }

  #isTime(current: readonly string[], nowMs: number): boolean {
    const forMs = nowMs - this.#seenSinceMs
    if (current.length === 0) return forMs >= GONE_MS
    if (this.#told.length === 0) return forMs >= SETTLE_MS && this.#bucket.tryTake()
    const isGone = this.#told.some((address) => !current.includes(address))
    if (isGone) return forMs >= GONE_MS && this.#bucket.tryTake()
    return forMs >= SETTLE_MS && nowMs - this.#toldAtMs >= ADDITION_EVERY_MS
  }
}

/** Where others reach this node that its operator did not announce: verified ones, and those at relays. */
export function foundAddresses(network: Pick<NetworkService, 'status'>): SteadyAddresses {
  const source = () => {
    const { reach } = network.status()
    if (reach === null) return []
    return [...reach.verified, ...reach.relays.flatMap(({ addresses }) => addresses)]
  }
  return new SteadyAddresses(source, steadyClock())
}
