import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Clock } from '../../lib/clock.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import type { Logger } from '../../telemetry/index.ts'
import { HttpError } from '../errors.ts'
import { callerKey, plainAddress } from './networks.ts'

const WINDOW_MS = 60_000
/** Lines a minute from all addresses together: a botnet must not fill the log. */
const LINES_PER_MINUTE = 60

export interface TokenAttemptsOptions {
  /** Wrong tokens of one address (IPv6: one /64). */
  readonly perMinute: number
  /** Addresses remembered; the one heard last longest ago goes first. */
  readonly maxCallers: number
  readonly clock: Pick<Clock, 'now'>
  readonly logger: Pick<Logger, 'warn'>
}

interface Tries {
  readonly sinceMs: number
  count: number
}

/**
 * Counts wrong bearer tokens per caller. Each gives one log line with the address in a field of its own,
 * as programs that ban addresses by log lines want it (docs/security.md has the pattern).
 */
export class TokenAttempts {
  readonly #options: TokenAttemptsOptions
  readonly #tries: BoundedMap<string, Tries>
  readonly #lines: TokenBucket

  constructor(options: TokenAttemptsOptions) {
    const { clock, maxCallers } = options
    this.#options = options
    this.#tries = new BoundedMap({ limit: maxCallers })
    this.#lines = new TokenBucket({
      capacity: LINES_PER_MINUTE,
      refillPerSecond: LINES_PER_MINUTE / 60,
      clock,
    })
  }

  /**
   * What anyone at this address gets who brings a token, right or wrong: were a right one still let in,
   * guessing could go on. null while it may try.
   */
  refusal(address: string): HttpError | null {
    const tries = this.#current(callerKey(address))
    const { perMinute, clock } = this.#options
    if (tries === null || tries.count < perMinute) return null
    const leftMs = WINDOW_MS - (clock.now() - tries.sinceMs)
    const retryAfter = Math.min(60, Math.max(1, Math.ceil(leftMs / 1000)))
    return new HttpError('RATE_LIMITED', 'too many wrong tokens from here', {
      headers: { 'retry-after': String(retryAfter) },
    })
  }

  /** Counts a wrong token. */
  failed(address: string): void {
    const { clock, logger } = this.#options
    const key = callerKey(address)
    const tries = this.#current(key) ?? { sinceMs: clock.now(), count: 0 }
    tries.count += 1
    this.#tries.set(key, tries)
    if (!this.#lines.tryTake()) return
    logger.warn({ address: plainAddress(address) }, 'A wrong API token was sent')
  }

  get callers(): number {
    return this.#tries.size
  }

  /** null when there was none in the last minute, or the clock jumped back since. */
  #current(key: string): Tries | null {
    const tries = this.#tries.peek(key)
    const ageMs = tries === undefined ? 0 : this.#options.clock.now() - tries.sinceMs
    return tries !== undefined && ageMs >= 0 && ageMs < WINDOW_MS ? tries : null
  }
}
