import { withDeadline } from '../../lib/deadline.ts'
import type { NameResolver } from '../discovery/name-resolver.ts'
import { type Route, resolveRoutes } from '../discovery/routes.ts'
import type { Seed } from '../discovery/seeds.ts'
import type { CandidateEntry } from './candidate-table.ts'
import { DestinationRate } from './destination-rate.ts'
import type { DialPort, DialTarget, Reached } from './dial-port.ts'
import { classifyDialError, type DialOutcome, DialRefusal } from './outcome.ts'
import { OwnNames } from './own-names.ts'
import type { PeerNetwork } from './peer-network.ts'
import type { RelayedDial } from './relayed-dial.ts'
import { FRESH } from './retry.ts'
import { firstThatWorks, rotated } from './turns.ts'
import { waysTo } from './ways.ts'

/** An attempt through a relay: two dials, and the time that it takes to become direct. */
const RELAYED_TIMEOUT_MS = 30_000
/** After these no relay is tried: it is nobody to reach, or one whose turn has not come. */
const FINAL: ReadonlySet<DialOutcome> = new Set(['self', 'wrong-peer', 'crowded', 'paced'])

export interface AttemptsOptions {
  /** All addresses of one attempt, the names of a candidate included; those of a seed have as long. @default 15000 */
  readonly timeoutMs?: number
}

export interface AttemptsComponents {
  readonly port: DialPort
  /** For names that the operator wrote. */
  readonly resolver: NameResolver
  /** For names that others tell. */
  readonly learnedResolver: NameResolver
  readonly now: () => number
  /** null: relayed addresses are left alone. @default null */
  readonly relayedDial?: RelayedDial | null
}

/** Each time that it failed, another of its addresses comes first. */
export type AttemptTarget = Pick<CandidateEntry, 'source' | 'peerId' | 'addresses' | 'relayed'> &
  Partial<Pick<CandidateEntry, 'retry'>>

/** How far a target is one of many that strangers name; each host is then dialled so often only. */
export interface AttemptBounds {
  /** Whether nobody more is wanted of a network. */
  readonly isFull: (network: PeerNetwork) => boolean
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
  readonly #rate: DestinationRate

  constructor(options: AttemptsOptions, components: AttemptsComponents) {
    const { port, resolver, now } = components
    this.#options = options
    this.#components = components
    this.#rate = new DestinationRate(now)
    this.#ownNames = new OwnNames({ resolver, now, ownAddresses: () => port.ownAddresses() })
  }

  /** Whether some address of a candidate leads to a host that may be dialled now, as far as it is known. */
  hasRoom({ addresses, networks }: Pick<CandidateEntry, 'addresses' | 'networks'>): boolean {
    const destinations = addresses.flatMap(({ source }, n) => {
      const network = networks[n]
      return network === undefined ? [] : [{ source, networks: network.isName ? [] : [network] }]
    })
    return this.#rate.hasRoom(destinations)
  }

  /** @throws DialRefusal `self`, `unresolved`; what the port throws. */
  async seed(seed: Seed, signal: AbortSignal): Promise<SeedReached> {
    const { port, resolver } = this.#components
    const isOwn = await this.#ownTest()
    if (seed.pinnedPeerId === port.peerId || isOwn(seed.multiaddr)) throw self()
    // Apart, so that an answer which comes late leaves time to dial.
    const routes = await this.#bounded(signal, (inner) =>
      resolveRoutes(seed.multiaddr, { resolver, signal: inner }),
    )
    const foreign = routes
      .filter((route) => route.peerId !== port.peerId)
      .map((route) => ({ ...route, addresses: route.addresses.filter((one) => !isOwn(one)) }))
      .filter((route) => route.addresses.length > 0)
    if (foreign.length === 0) throw self()
    const { failures } = seed.retry
    return this.#bounded(signal, (inner) => this.#firstRoute(foreign, failures, inner))
  }

  /**
   * Tries the direct addresses, and where none works a relayed one.
   * @throws DialRefusal `self`, `denied`, `crowded`, `paced`, `not-upgraded`; what the port throws.
   */
  async candidate(
    entry: AttemptTarget,
    signal: AbortSignal,
    bounds: AttemptBounds | null = null,
  ): Promise<Reached> {
    const { relayedDial = null, learnedResolver: resolver } = this.#components
    const throughRelay = () =>
      withDeadline((inner) => relayedDial?.dial(entry, { resolver, signal: inner }) ?? denied(), {
        ms: RELAYED_TIMEOUT_MS,
        label: 'relayed dial',
        signal,
      })
    if (entry.addresses.length === 0) return throughRelay()
    try {
      return await this.#direct(entry, signal, bounds)
    } catch (error) {
      signal.throwIfAborted()
      const outcome = classifyDialError(error)
      if (FINAL.has(outcome) || relayedDial?.isWorthwhile(entry) !== true) throw error
      return throughRelay()
    }
  }

  #direct(
    entry: AttemptTarget,
    signal: AbortSignal,
    bounds: AttemptBounds | null,
  ): Promise<Reached> {
    return this.#bounded(signal, async (inner) => {
      const { port, learnedResolver: resolver } = this.#components
      const { source, peerId, retry: { failures } = FRESH } = entry
      const isOwn = await this.#ownTest()
      // As many rounds as there are addresses, and then each name with its next IP.
      const round = Math.floor(failures / entry.addresses.length)
      const options = { port, resolver, isOwn, round, signal: inner }
      const resolved = await waysTo(rotated(entry.addresses, failures), options)
      const open = resolved.filter(({ networks }) => !networks.some((one) => bounds?.isFull(one)))
      const ways = bounds === null ? open : this.#rate.admit(open)
      if (ways.length > 0) {
        const addresses = ways.map(({ address }) => address)
        const target = { source, peerId, addresses }
        const reached = await this.#dialInOrder(target, failures, inner)
        const way = ways.find(({ address }) => `${reached.address}/`.startsWith(`${address}/`))
        return { ...reached, ips: way?.ips ?? [] }
      }
      if (open.length > 0) throw new DialRefusal('paced', 'its hosts were dialled a moment ago')
      if (resolved.length > 0) throw new DialRefusal('crowded', 'its subnets are full')
      if (entry.addresses.some((one) => port.isOwn(one.address))) throw self()
      throw new DialRefusal('denied', 'no address left that may be dialled')
    })
  }

  #firstRoute(
    routes: readonly Route[],
    failures: number,
    signal: AbortSignal,
  ): Promise<SeedReached> {
    const inTurn = rotated(routes, failures)
    // Each route comes first once, and then each with its next address.
    const round = Math.floor(failures / routes.length)
    const attempt = async ({ peerId, addresses }: Route, index: number): Promise<SeedReached> => {
      const target = { source: 'seed' as const, peerId, addresses: rotated(addresses, round) }
      const reached = await this.#dialInOrder(target, failures, signal)
      return { reached, others: inTurn.slice(index + 1) }
    }
    return firstThatWorks(inTurn, attempt, signal)
  }

  /**
   * The first time in the order of libp2p 3.3, which puts what is likely to work in front and works at each for
   * 5 s. After a failure in our own: three that say nothing would else be in front each time.
   */
  #dialInOrder(target: DialTarget, failures: number, signal: AbortSignal): Promise<Reached> {
    if (failures === 0) return this.#dial(target, signal)
    const attempt = (address: string) => this.#dial({ ...target, addresses: [address] }, signal)
    return firstThatWorks(target.addresses, attempt, signal)
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

async function denied(): Promise<never> {
  throw new DialRefusal('denied', 'no address left that may be dialled')
}

function self(): DialRefusal {
  return new DialRefusal('self', 'the address leads back to this node')
}
