import type { OrbitStorage } from '@orbitdb/core'

import { RegistryError } from '../errors.ts'
import type { BlockStore } from './block-store.ts'
import { hashOfCid } from './entry-codec.ts'
import type { ByteStore } from './guarded-level.ts'

const PRESENT = Uint8Array.of(1)

/**
 * Part of one shared Level under a prefix, as the storage of an index. OrbitDB opens two Levels per log
 * by default; closing is left to whoever opened the shared one.
 */
export class PrefixStorage implements OrbitStorage {
  readonly #level: ByteStore
  readonly #prefix: string

  constructor(level: ByteStore, prefix: string) {
    this.#level = level
    this.#prefix = prefix
  }

  async put(key: string, value: unknown): Promise<void> {
    await this.#level.put(this.#prefix + key, value instanceof Uint8Array ? value : PRESENT)
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#level.get(this.#prefix + key)
  }

  async del(key: string): Promise<void> {
    await this.#level.del(this.#prefix + key)
  }

  /** All or nothing. */
  async putMany(keys: readonly string[]): Promise<void> {
    await this.#level.batch(
      keys.map((key) => ({ type: 'put', key: this.#prefix + key, value: PRESENT })),
    )
  }

  /** All or nothing. */
  async delMany(keys: readonly string[]): Promise<void> {
    await this.#level.batch(keys.map((key) => ({ type: 'del', key: this.#prefix + key })))
  }

  /** Gives back to the disk what deleted keys took. */
  async compact(): Promise<void> {
    await this.#level.compact({ gte: this.#prefix, lt: `${this.#prefix}\uffff` })
  }

  async *keys(): AsyncGenerator<string> {
    const range = { gte: this.#prefix, lt: `${this.#prefix}\uffff` }
    for await (const key of this.#level.keys(range)) yield key.slice(this.#prefix.length)
  }

  async *iterator(): AsyncGenerator<[string, unknown]> {
    for await (const key of this.keys()) yield [key, await this.get(key)]
  }

  async merge(): Promise<void> {}

  async clear(): Promise<void> {
    await this.#level.clear({ gte: this.#prefix, lt: `${this.#prefix}\uffff` })
  }

  async close(): Promise<void> {}
}

/** A head as OrbitDB stores it. */
export interface HeadLink {
  readonly hash: string
  readonly next: readonly string[]
}

/**
 * The heads of one log: they follow from the entries, so that there is nothing to store, and nothing
 * that a failed write leaves behind.
 */
export class HeadsStorage implements OrbitStorage {
  #heads: () => readonly HeadLink[] = () => []

  /** Says where the heads are read from, each time OrbitDB asks for them. */
  follow(heads: () => readonly HeadLink[]): void {
    this.#heads = heads
  }

  async get(): Promise<Uint8Array> {
    return new TextEncoder().encode(JSON.stringify(this.#heads()))
  }

  async *iterator(): AsyncGenerator<[string, unknown]> {
    yield ['heads', await this.get()]
  }

  async put(): Promise<void> {}

  async del(): Promise<void> {}

  async merge(): Promise<void> {}

  async clear(): Promise<void> {}

  async close(): Promise<void> {}
}

/**
 * The index of a log as OrbitDB's `Log` reads it, answered from memory. `isPast` is true for a lost entry
 * too, or a log would read it, and fail, with every entry two steps above it. What is in the log is
 * decided by `RegistryDatabase` alone: a join on any other way is refused.
 */
export function createIndexStorage(
  stored: PrefixStorage,
  isPast: (hash: string) => boolean,
): OrbitStorage {
  const refuse = async () => {
    throw new Error('entries join a log through RegistryDatabase alone')
  }
  return {
    put: refuse,
    get: async (hash) => (isPast(hash) ? true : undefined),
    del: refuse,
    iterator: () => stored.iterator(),
    merge: async () => {},
    clear: refuse,
    close: async () => {},
  }
}

/**
 * Entries on this disk and nowhere else: a log never waits for the network, because an entry joins
 * only when its ancestors are here. A miss throws; `undefined` would crash a join half-way
 * (log.js of @orbitdb/core 4.0.0).
 */
export function createEntryStorage(blocks: BlockStore): OrbitStorage {
  return {
    put: async (hash, bytes) => {
      if (!(bytes instanceof Uint8Array)) throw new TypeError('an entry is stored as bytes')
      await blocks.put(hash, bytes)
    },
    get: async (hash) => {
      const bytes = await blocks.get(hash)
      if (bytes === undefined) throw new Error(`entry ${hash} is not on this disk`)
      return bytes
    },
    del: async () => {},
    iterator: async function* () {},
    merge: async () => {},
    clear: async () => {},
    close: async () => {},
  }
}

/**
 * What OrbitDB takes for an IPFS node: it stores its manifests through it and asks for the peer ID.
 * Every block counts as pinned, so it keeps no pin records.
 */
export function createIpfsFacade(peerId: string, blocks: BlockStore): object {
  const nameOf = (cid: Parameters<typeof hashOfCid>[0]) => {
    const hash = hashOfCid(cid)
    if (hash === null) throw new Error('not a block of the registry')
    return hash
  }
  return {
    libp2p: { peerId },
    blockstore: {
      put: async (cid: Parameters<typeof hashOfCid>[0], bytes: Uint8Array) => {
        const hash = nameOf(cid)
        if (!(await blocks.has(hash))) await blocks.put(hash, bytes).catch(tolerateReadOnly)
        return cid
      },
      get: async function* (cid: Parameters<typeof hashOfCid>[0]) {
        const bytes = await blocks.get(nameOf(cid))
        if (bytes !== undefined) yield bytes
      },
    },
    pins: { isPinned: async () => true },
  }
}

/** A manifest follows from its log's name; a disk that takes no writes is no reason not to open the log. */
function tolerateReadOnly(error: unknown): void {
  if (!(error instanceof RegistryError) || error.code !== 'READ_ONLY') throw error
}
