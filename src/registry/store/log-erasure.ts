import { setImmediate as yieldToLoop } from 'node:timers/promises'

import type { BlockStore } from './block-store.ts'
import type { PrefixStorage } from './orbit-storages.ts'

/** Entries deleted in one batch: some ten thousand bytes of keys. */
const BATCH = 256

export interface ErasureComponents {
  readonly blocks: BlockStore
  readonly index: PrefixStorage
}

/**
 * Deletes what a closed log has on disk: its blocks belong to it alone, for each entry names its log.
 * Blocks go before the keys that list them, so that one cut short leaves what is to be deleted listed,
 * and can be begun again.
 */
export async function eraseLog(
  { blocks, index }: ErasureComponents,
  manifestHash: string,
): Promise<void> {
  let batch: string[] = []
  const flush = async () => {
    await blocks.delMany(batch)
    await index.delMany(batch)
    batch = []
    await yieldToLoop()
  }
  for await (const hash of index.keys()) {
    batch.push(hash)
    if (batch.length === BATCH) await flush()
  }
  await flush()
  await blocks.delMany([manifestHash])
  await blocks.compact()
  await index.compact()
}
