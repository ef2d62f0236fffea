import { BoundedMap } from '../../lib/bounded-map.ts'
import { isLately } from '../../lib/clock.ts'
import type { NameResolver } from '../discovery/name-resolver.ts'
import { lookupHost } from '../discovery/routes.ts'
import { endpointOf, normalizeIp } from './dial-address.ts'

/** Announced names are looked up again after this long. */
const TTL_MS = 10 * 60 * 1000
/** A name server that is down must not hold up the first dial. */
const TIMEOUT_MS = 1000
/** Addresses that answered with our own peer ID (a NAT that loops back) are remembered, so many. */
const LIMIT_LEARNED = 32
/** An address may move to another machine, as a provider's floating ones do. */
const LEARNED_FOR_MS = 60 * 60 * 1000

export interface OwnNamesComponents {
  readonly resolver: NameResolver
  readonly ownAddresses: () => readonly string[]
  readonly now: () => number
}

/**
 * Ways back to this node that its bound and announced addresses do not show: the IPs behind announced
 * names, and what turned out to be us when it was dialled.
 */
export class OwnNames {
  readonly #components: OwnNamesComponents
  /** When each answered as ourselves. */
  readonly #learned = new BoundedMap<string, number>({ limit: LIMIT_LEARNED })
  #resolved: Promise<ReadonlySet<string>> = Promise.resolve(new Set())
  #resolvedAtMs = Number.NEGATIVE_INFINITY

  constructor(components: OwnNamesComponents) {
    this.#components = components
  }

  /** Never throws; names that do not resolve lead nowhere. */
  async leadsToUs(): Promise<(address: string) => boolean> {
    const { now } = this.#components
    if (!isLately(this.#resolvedAtMs, TTL_MS, now())) {
      this.#resolvedAtMs = now()
      this.#resolved = this.#resolve()
    }
    const resolved = await this.#resolved
    return (address) => {
      const key = keyOf(address)
      return key !== null && (resolved.has(key) || this.#isLearned(key))
    }
  }

  learn(address: string): void {
    const key = keyOf(address)
    if (key !== null) this.#learned.set(key, this.#components.now())
  }

  #isLearned(key: string): boolean {
    const atMs = this.#learned.peek(key)
    return atMs !== undefined && isLately(atMs, LEARNED_FOR_MS, this.#components.now())
  }

  async #resolve(): Promise<ReadonlySet<string>> {
    const { resolver, ownAddresses } = this.#components
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const named = ownAddresses().filter((address) => endpointOf(address)?.kind === 'dns')
    const found = named.map(async (address) => {
      const ips = await lookupHost(address, { resolver, signal }).catch(() => [])
      return ips.map((ip) => `${normalizeIp(ip)} ${endpointOf(address)?.port}`)
    })
    return new Set((await Promise.all(found)).flat())
  }
}

function keyOf(address: string): string | null {
  const target = endpointOf(address)
  return target === null ? null : `${normalizeIp(target.host)} ${target.port}`
}
