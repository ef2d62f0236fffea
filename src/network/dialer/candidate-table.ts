import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Candidate, CandidateSource } from '../types.ts'
import { canonicalPeerId, endpointOf, splitAddress, subnetOf } from './dial-address.ts'
import {
  ADDRESS_BOOK_POLICY,
  CANDIDATE_POLICY,
  FRESH,
  type Retry,
  type RetryPolicy,
} from './retry.ts'

const LIMIT_ADDRESSES = 8

/** Which source's word about an address counts more: what was proven or signed before what was said. */
const RANK: Record<CandidateSource, number> = {
  seed: 0,
  'address-book': 1,
  mdns: 2,
  'peer-exchange': 3,
  registry: 4,
  dht: 5,
}

/** One peer, or one address of nobody known, that may be dialled. */
export interface CandidateEntry {
  readonly key: string
  readonly peerId: string | null
  /** The best of those that proposed it. */
  source: CandidateSource
  /** Addresses without `/p2p`, best first, at most 8. */
  addresses: readonly { readonly address: string; readonly source: CandidateSource }[]
  /** Of the best address, for spreading connections. */
  subnet: string
  retry: Retry
  isDialing: boolean
}

export interface CandidateTableOptions {
  /** Most entries; the one longest not proposed nor dialled goes first. @default 2000 */
  readonly limit?: number
  readonly ownPeerId: string
}

/** What the sources proposed, bounded. It decides nothing. */
export class CandidateTable {
  readonly #entries: BoundedMap<string, CandidateEntry>
  readonly #ownPeerId: string

  constructor(options: CandidateTableOptions) {
    this.#ownPeerId = options.ownPeerId
    this.#entries = new BoundedMap({ limit: options.limit ?? 2000 })
  }

  get size(): number {
    return this.#entries.size
  }

  /** @returns false when nothing of the candidate can be dialled, or it is ourselves. */
  propose(candidate: Candidate): boolean {
    if (candidate.peerId !== null && canonicalPeerId(candidate.peerId) !== candidate.peerId)
      return false
    const addresses = candidate.addresses
      .slice(0, 4 * LIMIT_ADDRESSES)
      .flatMap((text) => usable(text, candidate.peerId))
      .slice(0, LIMIT_ADDRESSES)
    const [first] = addresses
    if (first === undefined) return false
    const peerId = candidate.peerId ?? first.peerId
    if (peerId === this.#ownPeerId) return false
    const fresh = addresses
      .filter((one) => one.peerId === peerId || one.peerId === null)
      .map((one) => ({ address: one.address, source: candidate.source }))
    this.#merge(peerId, fresh, candidate.source)
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

  #merge(peerId: string | null, fresh: CandidateEntry['addresses'], source: CandidateSource): void {
    const key = peerId ?? fresh[0]?.address ?? ''
    const present = this.#entries.get(key)
    if (present === undefined) {
      const subnet = subnetOfFirst(fresh)
      const state = { addresses: fresh, subnet, retry: FRESH, isDialing: false }
      this.#entries.set(key, { key, peerId, source, ...state })
      return
    }
    present.addresses = mergeAddresses(present.addresses, fresh)
    present.subnet = subnetOfFirst(present.addresses)
    if (RANK[source] < RANK[present.source]) present.source = source
  }
}

export function policyOf(entry: CandidateEntry): RetryPolicy {
  return entry.source === 'address-book' ? ADDRESS_BOOK_POLICY : CANDIDATE_POLICY
}

function subnetOfFirst(addresses: CandidateEntry['addresses']): string {
  const [first] = addresses
  return first === undefined ? 'other' : subnetOf(first.address)
}

/** Newer words of the same rank come first; a lower rank never pushes a higher one out. */
function mergeAddresses(
  present: CandidateEntry['addresses'],
  fresh: CandidateEntry['addresses'],
): CandidateEntry['addresses'] {
  const best = new Map<string, CandidateSource>()
  for (const { address, source } of [...fresh, ...present]) {
    const known = best.get(address)
    if (known === undefined || RANK[source] < RANK[known]) best.set(address, source)
  }
  return [...best]
    .map(([address, source]) => ({ address, source }))
    .sort((a, b) => RANK[a.source] - RANK[b.source])
    .slice(0, LIMIT_ADDRESSES)
}

/** TCP and WebSocket only; an address that names another peer than the candidate does is dropped. */
function usable(text: string, peerId: string | null) {
  const split = splitAddress(text)
  const target = endpointOf(text)
  if (split === null || target === null) return []
  if (target.kind === 'dnsaddr' || target.layer === 'other' || target.port < 1) return []
  return peerId !== null && split.peerId !== null && split.peerId !== peerId ? [] : [split]
}
