import { readFile, rename } from 'node:fs/promises'

import { writeAtomically } from '../lib/atomic-file.ts'
import { BoundedMap } from '../lib/bounded-map.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { Loop } from '../lib/loop.ts'
import type { Logger } from '../telemetry/index.ts'
import { endpointOf, splitAddress } from './dialer/dial-address.ts'
import type { Candidate } from './types.ts'

const LIMIT_PEERS = 256
const LIMIT_ADDRESSES = 8
const LIMIT_BYTES = 1_048_576
const SAVE_EVERY_MS = 30_000
const VERSION = 1

interface SavedPeer {
  readonly peerId: string
  /** Without `/p2p`; what worked last comes first. */
  readonly addresses: readonly string[]
  readonly reachedAtMs: number
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
}

/**
 * Peers that this node reached itself, kept on disk for the day on which every seed is down. Only
 * outbound successes enter: who merely connects to us cannot push proven peers out.
 */
export class AddressBook {
  readonly #options: AddressBookOptions
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #peers = new BoundedMap<string, SavedPeer>({ limit: LIMIT_PEERS })
  readonly #loop: Loop
  #isDirty = false
  #isWriteFailing = false

  constructor(options: AddressBookOptions, components: AddressBookComponents) {
    this.#options = options
    this.#logger = components.logger
    this.#clock = components.clock ?? systemClock
    this.#loop = new Loop({
      name: 'address-book',
      intervalMs: options.saveEveryMs ?? SAVE_EVERY_MS,
      isDelayed: true,
      clock: this.#clock,
      run: () => this.#save(),
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
    await this.#save()
  }

  /** Notes a peer that was reached, and where; `certified` are the addresses that it signed. */
  record(peerId: string, address: string, certified: readonly string[] = []): void {
    const known = this.#peers.peek(peerId)?.addresses ?? []
    const addresses = [address, ...certified, ...known]
      .flatMap((text) => splitAddress(text)?.address ?? [])
      .filter((text) => endpointOf(text) !== null)
    const unique = [...new Set(addresses)].slice(0, LIMIT_ADDRESSES)
    if (unique.length === 0) return
    this.#peers.set(peerId, { peerId, addresses: unique, reachedAtMs: this.#clock.now() })
    this.#isDirty = true
  }

  /** Most recently reached first. */
  candidates(): Candidate[] {
    return [...this.#peers.values()]
      .reverse()
      .map(({ peerId, addresses }) => ({ source: 'address-book', peerId, addresses }))
  }

  async #load(): Promise<void> {
    const { path } = this.#options
    if (path === null) return
    try {
      const text = await readFile(path, 'utf8')
      if (text.length > LIMIT_BYTES) throw new Error('the file is too large')
      for (const peer of parse(JSON.parse(text))) this.#peers.set(peer.peerId, peer)
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
    const content = { version: VERSION, peers: [...this.#peers.values()] }
    try {
      await writeAtomically(path, `${JSON.stringify(content, null, 1)}\n`)
      this.#isWriteFailing = false
    } catch (error) {
      this.#isDirty = true
      if (!this.#isWriteFailing) this.#logger.warn({ path, error }, 'address book not written')
      this.#isWriteFailing = true
    }
  }
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
    return { peerId, addresses, reachedAtMs }
  })
}

function isAddress(value: unknown): value is string {
  return typeof value === 'string' && endpointOf(value) !== null
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
