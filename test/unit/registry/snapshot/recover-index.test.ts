import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createEphemeralIdentity } from '../../../../src/identity/index.ts'
import { markErasing } from '../../../../src/registry/epochs/stored-epochs.ts'
import { logAddress, logManifest } from '../../../../src/registry/snapshot/log-name.ts'
import { recoverIndex } from '../../../../src/registry/snapshot/recover-index.ts'
import { hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { INDEX_SUSPECT, salvageBlocks } from '../../../../src/registry/store/salvage.ts'
import { MemoryByteStore } from '../../../support/byte-store.ts'
import { forgeEntry } from '../../../support/registry.ts'

const NAME = 'test.nodes.v1.e7'
const OPTIONS = { networkName: 'test' }

/** Blocks of three entries of one log, and an index that lists none. */
async function lostIndex(name = NAME) {
  const identity = await createEphemeralIdentity()
  const stores = { blocks: new MemoryByteStore(), logs: new MemoryByteStore() }
  const address = logAddress(name)
  const hashes: string[] = []
  for (const localId of ['i-1', 'i-2', 'i-3']) {
    const { bytes } = forgeEntry({ identity, address, localId })
    stores.blocks.values.set(hashOf(bytes), bytes)
    hashes.push(hashOf(bytes))
  }
  stores.blocks.values.set(hashOf(logManifest(name)), logManifest(name))
  const listed = () =>
    [...stores.logs.values.keys()].filter((key) => key.startsWith('index/')).sort()
  const expected = hashes.map((hash) => `index/${name}/${hash}`).sort()
  return { stores, identity, address, hashes, listed, expected }
}

test('an empty index is made again from the blocks', async () => {
  const { stores, listed, expected } = await lostIndex()
  const recovery = await recoverIndex(OPTIONS, stores)
  assert.deepEqual([...(recovery?.logs ?? [])], [[NAME, 3]])
  assert.equal(recovery?.isWhole, true)
  assert.deepEqual(listed(), expected)
  assert.equal(await recoverIndex(OPTIONS, stores), null)
})

test('an index that lists something is left alone, unless it is marked', async () => {
  const { stores, listed, expected, hashes } = await lostIndex()
  stores.logs.values.set(`index/${NAME}/${hashes[1]}`, Uint8Array.of(1))
  assert.equal(await recoverIndex(OPTIONS, stores), null)
  assert.equal(listed().length, 1)
  stores.logs.values.set(INDEX_SUSPECT, Uint8Array.of(1))
  assert.deepEqual([...((await recoverIndex(OPTIONS, stores))?.logs ?? [])], [[NAME, 2]])
  assert.deepEqual(listed(), expected)
  assert.equal(stores.logs.values.has(INDEX_SUSPECT), false)
})

test('a recovery that was cut off is begun again by the next start', async () => {
  const { stores, listed, expected } = await lostIndex()
  let writes = 0
  stores.logs.beforeWrite = (key) => {
    if (!key.startsWith('index/')) return
    writes += 1
    if (writes === 2) throw new Error('the disk is full')
  }
  await assert.rejects(recoverIndex(OPTIONS, stores))
  stores.logs.values.set(expected[0] ?? '', Uint8Array.of(1))
  assert.ok(await recoverIndex(OPTIONS, stores))
  assert.deepEqual(listed(), expected)
})

test('neither a damaged block nor a forged entry nor another network comes back', async () => {
  const { stores, listed, expected, hashes, identity, address } = await lostIndex()
  stores.blocks.values.set(hashes[0] ?? '', Buffer.from('not what it was'))
  const sig = '0'.repeat(128)
  const { bytes } = forgeEntry({ identity, address, localId: 'forged', unsigned: { sig } })
  stores.blocks.values.set(hashOf(bytes), bytes)
  assert.deepEqual([...((await recoverIndex(OPTIONS, stores))?.logs ?? [])], [[NAME, 2]])
  assert.deepEqual(
    listed(),
    expected.filter((key) => !key.endsWith(hashes[0] ?? '')),
  )
  const other = await lostIndex('other.nodes.v1.e7')
  assert.equal((await recoverIndex(OPTIONS, other.stores))?.logs.size, 0)
})

test('of a damaged store of blocks all is saved that the index or a walk can name', async () => {
  const { stores, hashes } = await lostIndex()
  const [listed = '', walked = '', unreadable = ''] = [...hashes].sort()
  stores.logs.values.set(`index/${NAME}/${listed}`, Uint8Array.of(1))
  stores.logs.values.set(`index/${NAME}/${unreadable}`, Uint8Array.of(1))
  const from = {
    get: async (key: string) => {
      if (key === unreadable) throw new Error('corrupted')
      return stores.blocks.values.get(key)
    },
    keys: async function* () {
      yield walked
      throw new Error('corrupted')
    },
  }
  const to = new MemoryByteStore()
  assert.equal(await salvageBlocks(from, to, stores.logs), 2)
  assert.deepEqual([...to.values.keys()].sort(), [listed, walked])
})

test('a name that no block bears has all blocks looked through, once', async () => {
  const { stores, listed, expected, hashes } = await lostIndex()
  // As a flipped bit leaves it: a key in the right order, and the one it was is gone.
  const phantom = `index/${NAME}/${(hashes[2] ?? '').slice(0, -1)}`
  for (const key of [expected[0] ?? '', phantom]) stores.logs.values.set(key, Uint8Array.of(1))
  const recovery = await recoverIndex(OPTIONS, stores)
  assert.deepEqual([...(recovery?.logs ?? [])], [[NAME, 2]])
  assert.deepEqual(listed(), [...expected, phantom].sort(), 'nothing is taken from the index')
  assert.equal(await recoverIndex(OPTIONS, stores), null)
  stores.logs.values.set(`${phantom}x`, Uint8Array.of(1))
  assert.ok(await recoverIndex(OPTIONS, stores), 'another one is another damage')
})

test('blocks that were elsewhere for one start are still listed when they are back', async () => {
  const { stores, listed, expected } = await lostIndex()
  await recoverIndex(OPTIONS, stores)
  const blocks = new Map(stores.blocks.values)
  stores.blocks.values.clear()
  assert.equal(await recoverIndex(OPTIONS, stores), null)
  for (const [hash, bytes] of blocks) stores.blocks.values.set(hash, bytes)
  assert.equal(await recoverIndex(OPTIONS, stores), null)
  assert.deepEqual(listed(), expected)
})

test('an epoch whose deletion was cut short lacks blocks by rights', async () => {
  const { stores, hashes } = await lostIndex()
  await recoverIndex(OPTIONS, stores)
  stores.blocks.values.delete(hashes[0] ?? '')
  await markErasing(stores.logs, 'test', 7)
  assert.equal(await recoverIndex(OPTIONS, stores), null)
})
