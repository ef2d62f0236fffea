import { BoundedMap } from '../../lib/bounded-map.ts'
import { RegistryError } from '../errors.ts'
import { hashOf } from './entry-codec.ts'
import type { ByteStore } from './guarded-level.ts'

export interface BlockStoreComponents {
  readonly level: ByteStore
  /** A block whose bytes do not match its name was found and set aside. */
  onDamaged(hash: string): void
}

export interface NamedBlock {
  readonly hash: string
  readonly bytes: Uint8Array
}

/** Every hash begins with `zdpu`. */
const ALL_BLOCKS = { gte: 'zdpu', lt: 'zdpv' }

/** Blocks by hash, verified on every read from disk; no pins and no garbage collection. */
export class BlockStore {
  readonly #components: BlockStoreComponents
  // Parents and heads are read again for each entry that joins: 512 of at most 8 KiB.
  readonly #recent = new BoundedMap<string, Uint8Array>({ limit: 512 })

  constructor(components: BlockStoreComponents) {
    this.#components = components
  }

  /** @returns undefined for a block that is not here or not intact. */
  async get(hash: string): Promise<Uint8Array | undefined> {
    const recent = this.#recent.get(hash)
    if (recent !== undefined) return recent
    const bytes = await this.#read(hash)
    if (bytes === undefined || !this.#isIntact(hash, bytes)) return undefined
    this.#keep(hash, bytes)
    return bytes
  }

  /** In the order of `hashes`; undefined where a block is not here or not intact. */
  async getMany(hashes: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    const blocks = await this.#readMany(hashes)
    return blocks.map((bytes, i) => {
      const hash = hashes[i]
      if (bytes === undefined || hash === undefined || !this.#isIntact(hash, bytes))
        return undefined
      return bytes
    })
  }

  /** One that cannot be read must not hide the others. */
  async #readMany(hashes: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    try {
      return await this.#components.level.getMany(hashes)
    } catch (error) {
      if (error instanceof RegistryError) throw error
      const blocks: (Uint8Array | undefined)[] = []
      for (const hash of hashes) blocks.push(await this.#read(hash))
      return blocks
    }
  }

  /** A read that the disk fails is a damaged block; one of a store that is closed is an error. */
  async #read(hash: string): Promise<Uint8Array | undefined> {
    const { level, onDamaged } = this.#components
    try {
      return await level.get(hash)
    } catch (error) {
      if (error instanceof RegistryError) throw error
      onDamaged(hash)
      return undefined
    }
  }

  async has(hash: string): Promise<boolean> {
    return this.#recent.has(hash) || (await this.#components.level.has(hash))
  }

  async put(hash: string, bytes: Uint8Array): Promise<void> {
    if (this.#recent.has(hash)) return
    await this.#components.level.put(hash, bytes)
    this.#keep(hash, bytes)
  }

  /** All or nothing. */
  async putMany(blocks: readonly NamedBlock[]): Promise<void> {
    const { level } = this.#components
    await level.batch(blocks.map(({ hash, bytes }) => ({ type: 'put', key: hash, value: bytes })))
    for (const { hash, bytes } of blocks) this.#keep(hash, bytes)
  }

  /** Bytes of its own: what it is given may be a view of a slab, or of a page with other blocks. */
  #keep(hash: string, bytes: Uint8Array): void {
    const isView = bytes.byteLength < bytes.buffer.byteLength
    this.#recent.set(hash, isView ? new Uint8Array(bytes) : bytes)
  }

  /** All or nothing; those that are not here are no error. */
  async delMany(hashes: readonly string[]): Promise<void> {
    await this.#components.level.batch(hashes.map((key) => ({ type: 'del', key })))
    for (const hash of hashes) this.#recent.delete(hash)
  }

  /** Gives back to the disk what deleted blocks took. */
  async compact(): Promise<void> {
    await this.#components.level.compact(ALL_BLOCKS)
  }

  #isIntact(hash: string, bytes: Uint8Array): boolean {
    if (hashOf(bytes) === hash) return true
    this.#components.onDamaged(hash)
    return false
  }
}
