import type { ByteChange, ByteStore, KeyRange } from '../../src/registry/store/guarded-level.ts'

/** A store in memory whose writes can be made to fail. */
export class MemoryByteStore implements ByteStore {
  readonly values = new Map<string, Uint8Array>()
  /** Called before each write; throws to fail it. */
  beforeWrite: (key: string) => void | Promise<void> = () => {}

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.values.get(key)
  }

  async getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    return keys.map((key) => this.values.get(key))
  }

  async has(key: string): Promise<boolean> {
    return this.values.has(key)
  }

  async hasMany(keys: readonly string[]): Promise<boolean[]> {
    return keys.map((key) => this.values.has(key))
  }

  async *keys(range: KeyRange): AsyncGenerator<string> {
    for await (const [key] of this.iterator(range)) yield key
  }

  async *iterator({ gte, lt }: KeyRange): AsyncGenerator<[string, Uint8Array]> {
    const entries = [...this.values].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [key, value] of entries) if (key >= gte && key < lt) yield [key, value]
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    await this.beforeWrite(key)
    this.values.set(key, value)
  }

  async del(key: string): Promise<void> {
    await this.beforeWrite(key)
    this.values.delete(key)
  }

  async clear({ gte, lt }: KeyRange): Promise<void> {
    for (const key of this.values.keys()) if (key >= gte && key < lt) await this.del(key)
  }

  async batch(changes: readonly ByteChange[]): Promise<void> {
    for (const { key } of changes) await this.beforeWrite(key)
    for (const change of changes) {
      if (change.type === 'put') this.values.set(change.key, change.value)
      else this.values.delete(change.key)
    }
  }

  async compact(): Promise<void> {}
}
