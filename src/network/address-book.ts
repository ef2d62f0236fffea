import { readFile, rename } from 'node:fs/promises'

import { writeAtomically } from '../lib/atomic-file.ts'
import { BoundedMap } from '../lib/bounded-map.ts'
import { type Clock, isLately, systemClock } from '../lib/clock.ts'
import { Loop } from '../lib/loop.ts'
import type { Logger } from '../telemetry/index.ts'
import { endpointOf, splitAddress } from './dialer/dial-address.ts'
import { createNetworkOf, type NetworkOf } from './dialer/peer-network.ts'
import { PROVEN_AFTER_MS } from './dialer/retry.ts'
import type { Candidate } from './types.ts'

const LIMIT_PEERS = 256
/** Of one public /24 or /48: whoever has one cannot make this node forget all others. */
const LIMIT_OF_SUBNET = 8
const LIMIT_ADDRESSES = 8
const LIMIT_BYTES = 1_048_576
const SAVE_EVERY_MS = 30_000
/** A write wears the memory cards that stations run from: that peers stay is written that often only. */
const SAVE_TIMES_EVERY_MS = 60 * 60 * 1000
const VERSION = 1

interface SavedPeer {
  readonly peerId: string
  /** Without `/p2p`; what worked last comes first. */
  readonly addresses: readonly string[]
  readonly reachedAtMs: number
  /** A connection to it lasted: others make way for it before it makes way for them. */
  readonly isProven: boolean
}

/** A peer that is connected now. */
interface OpenPeer {
  readonly saved: SavedPeer
  readonly sinceMs: number
}

export interface AddressBookOptions {
  /** null keeps it in memory. */
  readonly path: string | null
  /** Least time between two writes. @default 30000 */
  readonly saveEveryMs?: number
}

export interface AddressBookComponents {
  readonly logger: Logger
  readonly clock?: Clock
  /** @default no address is exempt */
  readonly networkOf?: NetworkOf
}

/**
 * Peers that this node reached itself, kept on disk for the day on which every seed is down. Only
 * outbound successes enter: who merely connects to us cannot push proven peers out, and neither can who
 * was dialled and did not stay. Such a peer takes a place that is free, no other.
 */
export class AddressBook {
  readonly #options: AddressBookOptions
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #networkOf: NetworkOf
  /** One too many for a moment, of which one goes. */
  readonly #peers = new BoundedMap<string, SavedPeer>({ limit: LIMIT_PEERS + 1 })
  /** As large as the connection table. */
  readonly #open = new Map<string, OpenPeer>()
  readonly #loop: Loop
  #isDirty = false
  /** Peers are still connected: all that is out of date is when they were reached last. */
  #isOutdated = false
  #writtenAtMs = Number.NEGATIVE_INFINITY
  #isWriteFailing = false

  constructor(options: AddressBookOptions, components: AddressBookComponents) {
    this.#options = options
    this.#logger = components.logger
    this.#clock = components.clock ?? systemClock
    this.#networkOf = components.networkOf ?? createNetworkOf()
    this.#loop = new Loop({
      name: 'address-book',
      intervalMs: options.saveEveryMs ?? SAVE_EVERY_MS,
      isDelayed: true,
      clock: this.#clock,
      run: () => {
        for (const peerId of this.#open.keys()) this.#refresh(peerId)
        return this.#save()
      },
    })
  }

  get size(): number {
    return this.#peers.size
  }

  /** Reads the file. A damaged one is set aside with one warning; it never stops a start. */
  async start(): Promise<void> {
    await this.#load()
    this.#loop.start()
  }

  /** Writes what changed. Never throws. */
  async stop(): Promise<void> {
    await this.#loop.stop()
    this.#isDirty ||= this.#isOutdated
    await this.#save()
  }

  /** Notes a peer that is reached now, and where; `certified` are the addresses that it signed. */
  record(peerId: string, address: string, certified: readonly string[] = []): void {
    const known = this.#peers.peek(peerId)
    const signed = dialable(certified)
    // Where it was before says nothing once it tells where it is.
    const others = signed.length > 0 ? signed : (known?.addresses ?? [])
    const unique = [...new Set([...dialable([address]), ...others])].slice(0, LIMIT_ADDRESSES)
    if (unique.length === 0) return
    const nowMs = this.#clock.now()
    const isProven = known?.isProven ?? false
    const saved = { peerId, addresses: unique, reachedAtMs: nowMs, isProven }
    this.#open.set(peerId, { saved, sinceMs: this.#open.get(peerId)?.sinceMs ?? nowMs })
    this.#put(saved)
    this.#isDirty = true
  }

  /** The last connection of a peer closed. */
  noteLeft(peerId: string): void {
    this.#refresh(peerId)
    this.#open.delete(peerId)
  }

  /** Most recently reached first. */
  candidates(): Candidate[] {
    return [...this.#peers.values()]
      .reverse()
      .map(({ peerId, addresses }) => ({ source: 'address-book', peerId, addresses }))
  }

  /** Those with whom a connection lasted. */
  proven(): Candidate[] {
    return this.candidates().filter(({ peerId }) => this.#peers.peek(peerId ?? '')?.isProven)
  }

  /** Who is connected for long enough is as good as reached now. */
  #refresh(peerId: string): void {
    const open = this.#open.get(peerId)
    const nowMs = this.#clock.now()
    if (open === undefined || isLately(open.sinceMs, PROVEN_AFTER_MS, nowMs)) return
    const saved = { ...open.saved, reachedAtMs: nowMs, isProven: true }
    this.#open.set(peerId, { ...open, saved })
    this.#put(saved)
    this.#isOutdated = true
    if (!open.saved.isProven || !isLately(this.#writtenAtMs, SAVE_TIMES_EVERY_MS, nowMs)) {
      this.#isDirty = true
    }
  }

  #put(peer: SavedPeer): void {
    this.#peers.set(peer.peerId, peer)
    const groups = Map.groupBy(this.#peers.values(), (one) => this.#networkOfSaved(one).subnet)
    const network = this.#networkOfSaved(peer)
    const group = groups.get(network.subnet) ?? []
    if (!network.isShared && group.length > LIMIT_OF_SUBNET) this.#dropOneOf([group])
    if (this.#peers.size > LIMIT_PEERS) this.#dropOneOf([...groups.values()])
  }

  /** Where a peer was reached last. */
  #networkOfSaved({ addresses: [first = ''] }: SavedPeer) {
    return this.#networkOf(first)
  }

  /** Whoever did not stay goes first; of those left, the oldest where most are. */
  #dropOneOf(groups: readonly (readonly SavedPeer[])[]): void {
    const unproven = groups.map((group) => group.filter(({ isProven }) => !isProven))
    const hasUnproven = unproven.some((group) => group.length > 0)
    const [largest] = (hasUnproven ? unproven : groups).toSorted((a, b) => b.length - a.length)
    const [oldest] = largest ?? []
    if (oldest !== undefined) this.#peers.delete(oldest.peerId)
  }

  async #load(): Promise<void> {
    const { path } = this.#options
    if (path === null) return
    try {
      const text = await readFile(path, 'utf8')
      if (text.length > LIMIT_BYTES) throw new Error('the file is too large')
      for (const peer of parse(JSON.parse(text))) this.#put(peer)
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
      await this.#setAside(path, error)
    }
  }

  async #setAside(path: string, error: unknown): Promise<void> {
    const aside = `${path}.corrupt`
    const isKept = await rename(path, aside).then(
      () => true,
      () => false,
    )
    const kept = isKept ? aside : null
    this.#logger.warn({ path, kept, error }, 'address book is damaged, starting with an empty one')
  }

  async #save(): Promise<void> {
    const { path } = this.#options
    if (path === null || !this.#isDirty) return
    this.#isDirty = false
    this.#isOutdated = false
    const writtenAtMs = this.#clock.now()
    const content = { version: VERSION, peers: [...this.#peers.values()] }
    try {
      await writeAtomically(path, `${JSON.stringify(content, null, 1)}\n`)
      this.#writtenAtMs = writtenAtMs
      this.#isWriteFailing = false
    } catch (error) {
      this.#isDirty = true
      if (!this.#isWriteFailing) this.#logger.warn({ path, error }, 'address book not written')
      this.#isWriteFailing = true
    }
  }
}

/** Without `/p2p`. */
function dialable(addresses: readonly string[]): string[] {
  return addresses
    .flatMap((text) => splitAddress(text)?.address ?? [])
    .filter((text) => endpointOf(text) !== null)
}

/** Oldest first, as saved. @throws on anything that this code did not write. */
function parse(value: unknown): SavedPeer[] {
  if (!isObject(value) || value.version !== VERSION || !Array.isArray(value.peers)) {
    throw new Error('not an address book of this version')
  }
  return value.peers.slice(-LIMIT_PEERS).map((peer: unknown) => {
    if (!isObject(peer) || !Array.isArray(peer.addresses)) throw new Error('malformed peer')
    const { peerId, reachedAtMs } = peer
    const addresses = peer.addresses.slice(0, LIMIT_ADDRESSES)
    if (typeof peerId !== 'string' || peerId.length > 128) throw new Error('malformed peer ID')
    if (typeof reachedAtMs !== 'number') throw new Error('malformed time')
    if (!addresses.every(isAddress)) throw new Error('malformed address')
    // Of a file without the word, each was connected at some time.
    return { peerId, addresses, reachedAtMs, isProven: peer.isProven !== false }
  })
}

function isAddress(value: unknown): value is string {
  return typeof value === 'string' && endpointOf(value) !== null
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
