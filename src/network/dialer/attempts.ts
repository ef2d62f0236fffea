import { withDeadline } from '../../lib/deadline.ts'
import type { NameResolver } from '../discovery/name-resolver.ts'
import {
  lookupHost,
  type ResolveOptions,
  type Route,
  resolveHost,
  resolveRoutes,
} from '../discovery/routes.ts'
import type { Seed } from '../discovery/seeds.ts'
import type { CandidateSource } from '../types.ts'
import type { CandidateEntry } from './candidate-table.ts'
import { endpointOf } from './dial-address.ts'
import type { DialPort, DialTarget, Reached } from './dial-port.ts'
import { classifyDialError, DialRefusal } from './outcome.ts'
import { OwnNames } from './own-names.ts'

export interface AttemptsOptions {
  /** One attempt, names and all addresses included. @default 15000 */
  readonly timeoutMs?: number
}

export interface AttemptsComponents {
  readonly port: DialPort
  readonly resolver: NameResolver
  readonly now: () => number
}

export interface SeedReached {
  readonly reached: Reached
  /** Other peers behind the same `/dnsaddr`, not tried. */
  readonly others: readonly Route[]
}

/** One attempt on one target: names resolved, own and forbidden addresses left out, the rest dialled. */
export class Attempts {
  readonly #options: AttemptsOptions
  readonly #components: AttemptsComponents
  readonly #ownNames: OwnNames

  constructor(options: AttemptsOptions, components: AttemptsComponents) {
    const { port, resolver, now } = components
    this.#options = options
    this.#components = components
    this.#ownNames = new OwnNames({ resolver, now, ownAddresses: () => port.ownAddresses() })
  }

  /** @throws DialRefusal `self`, `unresolved`; what the port throws. */
  seed(seed: Seed, signal: AbortSignal): Promise<SeedReached> {
    return this.#bounded(signal, async (inner) => {
      const { port, resolver } = this.#components
      const isOwn = await this.#ownTest()
      if (seed.pinnedPeerId === port.peerId || isOwn(seed.multiaddr)) throw self()
      const routes = await resolveRoutes(seed.multiaddr, { resolver, signal: inner })
      const foreign = routes
        .filter((route) => route.peerId !== port.peerId)
        .map((route) => ({ ...route, addresses: route.addresses.filter((one) => !isOwn(one)) }))
        .filter((route) => route.addresses.length > 0)
      if (foreign.length === 0) throw self()
      return this.#firstRoute(foreign, inner)
    })
  }

  /** @throws DialRefusal `self`, `denied`; what the port throws. */
  candidate(entry: CandidateEntry, signal: AbortSignal): Promise<Reached> {
    return this.#bounded(signal, async (inner) => {
      const { port, resolver } = this.#components
      const { source, peerId } = entry
      const isOwn = await this.#ownTest()
      const resolved: string[] = []
      for (const one of entry.addresses) {
        if (isOwn(one.address)) continue
        resolved.push(...(await this.#judge(one, { resolver, signal: inner })))
      }
      const addresses = resolved.filter((one) => !isOwn(one))
      if (addresses.length > 0) return this.#dial({ source, peerId, addresses }, inner)
      if (entry.addresses.some((one) => port.isOwn(one.address))) throw self()
      throw new DialRefusal('denied', 'no address left that may be dialled')
    })
  }

  async #firstRoute(routes: readonly Route[], signal: AbortSignal): Promise<SeedReached> {
    const errors: unknown[] = []
    for (const [index, route] of routes.entries()) {
      try {
        const reached = await this.#dial({ ...route, source: 'seed' }, signal)
        return { reached, others: routes.slice(index + 1) }
      } catch (error) {
        signal.throwIfAborted()
        errors.push(error)
      }
    }
    throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'no route worked')
  }

  /**
   * A name from a stranger may point anywhere, into our own network too: it is resolved here and every
   * IP is judged, so that the transport does not get to resolve it past the policy.
   */
  async #judge(
    { address, source }: { readonly address: string; readonly source: CandidateSource },
    options: ResolveOptions,
  ): Promise<string[]> {
    const { port } = this.#components
    const target = endpointOf(address)
    if (target?.kind !== 'dns') return port.isAllowed(address, source) ? [address] : []
    try {
      if (target.layer === 'tcp') {
        const resolved = await resolveHost(address, options)
        return resolved.filter((one) => port.isAllowed(one, source))
      }
      const ips = await lookupHost(address, options)
      const plain = ips.map((ip) => `/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/tcp/${target.port}`)
      return plain.every((one) => port.isAllowed(one, source)) ? [address] : []
    } catch {
      options.signal.throwIfAborted()
      return []
    }
  }

  async #dial(target: DialTarget, signal: AbortSignal): Promise<Reached> {
    try {
      return await this.#components.port.dial(target, signal)
    } catch (error) {
      // Only a single address tells which one it was.
      const [only, ...more] = target.addresses
      if (only !== undefined && more.length === 0 && classifyDialError(error) === 'self') {
        this.#ownNames.learn(only)
      }
      throw error
    }
  }

  async #ownTest(): Promise<(address: string) => boolean> {
    const { port } = this.#components
    const leadsToUs = await this.#ownNames.leadsToUs()
    return (address) => port.isOwn(address) || leadsToUs(address)
  }

  #bounded<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { timeoutMs: ms = 15_000 } = this.#options
    return withDeadline(work, { ms, label: 'dial', signal })
  }
}

function self(): DialRefusal {
  return new DialRefusal('self', 'the address leads back to this node')
}
