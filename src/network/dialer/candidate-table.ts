import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Candidate, CandidateSource } from '../types.ts'
import { canonicalPeerId, endpointOf, type SplitAddress, splitAddress } from './dial-address.ts'
import { createNetworkOf, type NetworkOf, type PeerNetwork } from './peer-network.ts'
import { relayedAddressOf, throughRelay } from './relayed-address.ts'
import {
  ADDRESS_BOOK_POLICY,
  CANDIDATE_POLICY,
  FRESH,
  type Retry,
  type RetryPolicy,
} from './retry.ts'

const LIMIT_ADDRESSES = 8
/** A station has two relays; who names more only wastes our dials. */
const LIMIT_RELAYED = 4

/** Which source's word about an address counts more: what was proven or signed before what was said. */
const RANK: Record<CandidateSource, number> = {
  seed: 0,
  'address-book': 1,
  mdns: 2,
  'peer-exchange': 3,
  registry: 4,
  dht: 5,
}

export interface SourcedAddress {
  readonly address: string
  readonly source: CandidateSource
}

/** One peer, or one address of nobody known, that may be dialled. */
export interface CandidateEntry {
  readonly key: string
  readonly peerId: string | null
  /** The best of those that proposed it. */
  source: CandidateSource
  /** Addresses without `/p2p`, the best of each source first, at most 8. */
  addresses: readonly SourcedAddress[]
  /** Ways through relays, `../p2p/<relay>/p2p-circuit`, at most 4: tried when there is no other. */
  relayed: readonly SourcedAddress[]
  /** Where each of `addresses` leads. */
  networks: readonly PeerNetwork[]
  retry: Retry
  isDialing: boolean
}

export interface CandidateTableOptions {
  /** Most entries; the one longest not proposed nor dialled goes first. @default 2000 */
  readonly limit?: number
  readonly ownPeerId: string
  /** Relayed addresses are of use. @default false */
  readonly isRelayUsed?: boolean
  /** @default no address is exempt */
  readonly networkOf?: NetworkOf
}

/** What the sources proposed, bounded. It decides nothing. */
export class CandidateTable {
  readonly #entries: BoundedMap<string, CandidateEntry>
  readonly #ownPeerId: string
  readonly #isRelayUsed: boolean
  readonly #networkOf: NetworkOf

  constructor(options: CandidateTableOptions) {
    this.#ownPeerId = options.ownPeerId
    this.#isRelayUsed = options.isRelayUsed ?? false
    this.#networkOf = options.networkOf ?? createNetworkOf()
    this.#entries = new BoundedMap({ limit: options.limit ?? 2000 })
  }

  get size(): number {
    return this.#entries.size
  }

  /** @returns false when nothing of the candidate can be dialled, or it is ourselves. */
  propose(candidate: Candidate): boolean {
    if (candidate.peerId !== null && canonicalPeerId(candidate.peerId) !== candidate.peerId)
      return false
    const { source } = candidate
    const texts = candidate.addresses.slice(0, 4 * LIMIT_ADDRESSES)
    const direct = texts.flatMap((text) => usableAddresses(text, candidate.peerId))
    const relayed = this.#isRelayUsed
      ? texts.flatMap((text) => usableRelayed(text, candidate.peerId))
      : []
    const [first] = direct.length > 0 ? direct : relayed
    if (first === undefined) return false
    const peerId = candidate.peerId ?? first.peerId
    if (peerId === this.#ownPeerId) return false
    const pick = (all: readonly SplitAddress[], limit: number) =>
      all
        .filter((one) => one.peerId === peerId || one.peerId === null)
        .slice(0, limit)
        .map(({ address }) => ({ address, source }))
    const fresh = {
      addresses: pick(direct, LIMIT_ADDRESSES),
      // Nobody can be asked for at a relay without a name.
      relayed: peerId === null ? [] : pick(relayed, LIMIT_RELAYED),
    }
    if (fresh.addresses.length + fresh.relayed.length === 0) return false
    this.#merge(peerId, fresh, source)
    return true
  }

  /** Makes an entry the youngest: used for what is connected or dialled. */
  touch(peerId: string): CandidateEntry | null {
    return this.#entries.get(peerId) ?? null
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  values(): Iterable<CandidateEntry> {
    return this.#entries.values()
  }

  #merge(
    peerId: string | null,
    fresh: Pick<CandidateEntry, 'addresses' | 'relayed'>,
    source: CandidateSource,
  ): void {
    const key = peerId ?? fresh.addresses[0]?.address ?? ''
    const present = this.#entries.get(key)
    if (present === undefined) {
      const networks = this.#networksOf(fresh.addresses)
      const state = { ...fresh, networks, retry: FRESH, isDialing: false }
      this.#entries.set(key, { key, peerId, source, ...state })
      return
    }
    present.addresses = mergeAddresses(present.addresses, fresh.addresses, LIMIT_ADDRESSES)
    present.relayed = mergeAddresses(present.relayed, fresh.relayed, LIMIT_RELAYED)
    present.networks = this.#networksOf(present.addresses)
    if (RANK[source] < RANK[present.source]) present.source = source
  }

  #networksOf(addresses: CandidateEntry['addresses']): readonly PeerNetwork[] {
    return addresses.map(({ address }) => this.#networkOf(address))
  }
}

export function policyOf(entry: CandidateEntry): RetryPolicy {
  return entry.source === 'address-book' ? ADDRESS_BOOK_POLICY : CANDIDATE_POLICY
}

/**
 * The newest word of each source first, the rest by rank: a peer that moved is where somebody says now, not at any
 * of eight places where it once was. Four sources prove nothing, so that half of eight places at least stay with
 * what was proven, where that is so much.
 */
function mergeAddresses(
  present: readonly SourcedAddress[],
  fresh: readonly SourcedAddress[],
  limit: number,
): readonly SourcedAddress[] {
  const known = new Map(present.map((one) => [one.address, RANK[one.source]]))
  // Who repeats what a better source said changes nothing.
  const news = fresh.filter(
    ({ address, source }) => RANK[source] <= (known.get(address) ?? Infinity),
  )
  const merged = new Map(news.map((one) => [one.address, one]))
  for (const one of present) if (!merged.has(one.address)) merged.set(one.address, one)
  const ranked = [...merged.values()].sort((a, b) => RANK[a.source] - RANK[b.source])
  const isNewest = ({ source }: SourcedAddress, n: number) => ranked[n - 1]?.source !== source
  const rest = ranked.filter((one, n) => !isNewest(one, n))
  return [...ranked.filter(isNewest), ...rest].slice(0, limit)
}

/** TCP and WebSocket only; an address that names another peer than the candidate does is dropped. */
export function usableAddresses(text: string, peerId: string | null): SplitAddress[] {
  const split = splitAddress(text)
  const target = endpointOf(text)
  if (split === null || target === null) return []
  if (target.kind === 'dnsaddr' || target.layer === 'other' || target.port < 1) return []
  return peerId !== null && split.peerId !== null && split.peerId !== peerId ? [] : [split]
}

function usableRelayed(text: string, peerId: string | null): SplitAddress[] {
  const relayed = relayedAddressOf(text)
  if (relayed === null) return []
  const { relayAddress, relayPeerId, peerId: named } = relayed
  if (peerId !== null && ((named !== null && named !== peerId) || relayPeerId === peerId)) return []
  return [{ address: throughRelay(relayAddress, relayPeerId), peerId: named }]
}
