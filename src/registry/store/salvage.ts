import type { ByteStore, KeyRange } from './guarded-level.ts'

/**
 * In the store of the logs while the index may lack entries that the blocks still hold: it was repaired or
 * is new in the place of a damaged one. The next start lists them again and takes the mark away.
 */
export const INDEX_SUSPECT = 'index-suspect'

const BATCH = 256
const ALL_BLOCKS: KeyRange = { gte: 'zdpu', lt: 'zdpv' }
const INDEX: KeyRange = { gte: 'index/', lt: 'index/\uffff' }

type Source = Pick<ByteStore, 'get' | 'keys'>

/**
 * Copies what can be read of a damaged store of blocks into a new one: each block that the index lists,
 * one by one, for a walk ends at the first damage; and those that a walk finds besides, as far as it
 * comes. Blocks are judged by their hash when they are read, so nothing is checked here.
 * @returns how many were copied. @throws what writing to the new one throws.
 */
export async function salvageBlocks(
  from: Source,
  to: Pick<ByteStore, 'batch'>,
  logs: Pick<ByteStore, 'keys'>,
): Promise<number> {
  const wanted = new Set<string>()
  await collect(logs.keys(INDEX), (key) => wanted.add(key.slice(key.lastIndexOf('/') + 1)))
  await collect(from.keys(ALL_BLOCKS), (key) => wanted.add(key))
  let copied = 0
  let batch: { type: 'put'; key: string; value: Uint8Array }[] = []
  for (const key of wanted) {
    const value = await from.get(key).catch(() => undefined)
    if (value === undefined) continue
    copied += 1
    batch.push({ type: 'put', key, value })
    if (batch.length < BATCH) continue
    await to.batch(batch)
    batch = []
  }
  await to.batch(batch)
  return copied
}

/** As many keys as can be read. */
async function collect(keys: AsyncIterable<string>, note: (key: string) => void): Promise<void> {
  try {
    for await (const key of keys) note(key)
  } catch {
    // What is behind the damage is found by name, if anything names it.
  }
}
