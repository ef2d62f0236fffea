import type { Clock } from '../lib/clock.ts'
import { SharedBudget } from '../lib/shared-budget.ts'
import { TokenBuckets } from '../lib/token-buckets.ts'

interface Rate {
  readonly burst: number
  readonly perSecond: number
}

export interface HandshakeRateLimits {
  /** Of one host. */
  readonly host: Rate
  /** Of one address that stands for many, such as a LAN's gateway. */
  readonly sharedHost: Rate
  /** Of one network. */
  readonly network: Rate
  /** Of a network, what counts as its first ones. */
  readonly firsts: Rate
  /** Of all together: of networks that begin many, and on top of it of those whose first ones they are. */
  readonly inAll: { readonly others: Rate; readonly firsts: Rate }
  /** Hosts, and networks, whose rate is remembered. */
  readonly sources: number
}

/**
 * A handshake takes 0.2 ms of the thread with an ECDSA key, 1.2 with RSA of 2048 bits, 6 with RSA of 4096. A page
 * needs two, a school behind one address some dozens at once; a hundred a second are a bootstrap's that comes back.
 */
const LIMITS: HandshakeRateLimits = {
  host: { burst: 40, perSecond: 10 },
  sharedHost: { burst: 400, perSecond: 100 },
  network: { burst: 120, perSecond: 40 },
  firsts: { burst: 4, perSecond: 0.2 },
  inAll: { others: { burst: 120, perSecond: 60 }, firsts: { burst: 80, perSecond: 40 } },
  sources: 8_192,
}

/** Where a socket comes from. */
export interface HandshakeSource {
  /** Who counts once: an IPv4 address, an IPv6 /64. */
  readonly host: string
  /** What is around it: a /24 or /48. */
  readonly network: string
  /** Its address belongs to no one host. */
  readonly isShared: boolean
}

/** `rate`: its host or its network is too fast; `busy`: all together are, and it may come again. */
export type HandshakeRefusal = 'rate' | 'busy'

/**
 * How fast TLS handshakes may begin, of all listeners of a node. One costs us a signature and whoever asks for it a
 * few hundred bytes that can be sent again and again. Hosts that flood from a few networks leave others theirs: the
 * first handshakes of a network have a rate of their own.
 */
export class HandshakeRates {
  readonly #hosts: TokenBuckets
  readonly #sharedHosts: TokenBuckets
  readonly #networks: TokenBuckets
  readonly #firsts: TokenBuckets
  readonly #inAll: SharedBudget

  constructor(limits: HandshakeRateLimits = LIMITS, clock?: Pick<Clock, 'now'>) {
    const bucketsOf = ({ burst, perSecond }: Rate) =>
      new TokenBuckets({
        capacity: burst,
        refillPerSecond: perSecond,
        limit: limits.sources,
        clock,
      })
    this.#hosts = bucketsOf(limits.host)
    this.#sharedHosts = bucketsOf(limits.sharedHost)
    this.#networks = bucketsOf(limits.network)
    this.#firsts = bucketsOf(limits.firsts)
    const { others: strangers, firsts: known } = limits.inAll
    this.#inAll = new SharedBudget({ strangers, known }, clock)
  }

  /** Counts one handshake. @returns what refuses it, or null when it may begin */
  refusalOf({ host, network, isShared }: HandshakeSource): HandshakeRefusal | null {
    // Who is over its own rate takes nothing from its neighbours, nor its neighbours from others.
    const isWithinRate = isShared
      ? this.#sharedHosts.tryTake(host)
      : this.#hosts.tryTake(host) && this.#networks.tryTake(network)
    if (!isWithinRate) return 'rate'
    return this.#inAll.tryTake(1, this.#firsts.tryTake(network)) ? null : 'busy'
  }
}
