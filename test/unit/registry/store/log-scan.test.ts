import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'

import { createEphemeralIdentity } from '../../../../src/identity/index.ts'
import { RegistryError } from '../../../../src/registry/errors.ts'
import { schemaOf } from '../../../../src/registry/records/index.ts'
import { BlockStore } from '../../../../src/registry/store/block-store.ts'
import { encodeValue, hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { LogScan } from '../../../../src/registry/store/log-scan.ts'
import { PrefixStorage } from '../../../../src/registry/store/orbit-storages.ts'
import { MemoryByteStore } from '../../../support/byte-store.ts'
import { forgeEntry } from '../../../support/registry.ts'
import { watchUncaught } from '../../../support/uncaught.ts'

const ADDRESS = '/orbitdb/zdpuAkWZcMAdsFT231qEBLEPi84Z2uXSh3CCUDufhroWhzcHk'
const INDEX = 'index/test/'
/** Entries that are held at a time. */
const BATCH = 128
const identity = await createEphemeralIdentity()

/** A log on disk, each entry of which links to the one before; and their names. */
async function chainOf(length: number) {
  const [level, logs] = [new MemoryByteStore(), new MemoryByteStore()]
  const names: string[] = []
  for (let i = 0; i < length; i += 1) {
    const { bytes } = forgeEntry({
      identity,
      address: ADDRESS,
      localId: `i-${i}`,
      signed: { next: names.slice(-1) },
    })
    names.push(hashOf(bytes))
    level.values.set(hashOf(bytes), bytes)
    logs.values.set(INDEX + hashOf(bytes), Uint8Array.of(1))
  }
  const scan = new LogScan({
    blocks: new BlockStore({ level, onDamaged: () => {} }),
    index: new PrefixStorage(logs, INDEX),
    address: ADDRESS,
    schema: schemaOf('nodes'),
  })
  return { level, logs, names, scan }
}

async function namesIn(scan: LogScan): Promise<string[]> {
  const names: string[] = []
  for await (const entries of scan.entries()) names.push(...entries.map(({ entry }) => entry.hash))
  return names
}

test('a log is read back parents first, and no more of it than some entries at a time', async () => {
  const { level, names, scan } = await chainOf(5 * BATCH)
  const getMany = level.getMany.bind(level)
  let read = 0
  level.getMany = (keys) => {
    read += keys.length
    return getMany(keys)
  }
  const yielded: string[] = []
  for await (const entries of scan.entries()) {
    assert.ok(entries.length <= BATCH)
    yielded.push(...entries.map(({ entry }) => entry.hash))
    // Each was read for its links before; of these, so many are read while others are looked at.
    assert.ok(read - names.length <= yielded.length + BATCH, `${read} read`)
  }
  assert.deepEqual(yielded, names)
})

test('a block that goes bad after its links were read is lost, and it alone', async () => {
  const { level, names, scan } = await chainOf(3)
  const getMany = level.getMany.bind(level)
  const bad = names[1] ?? ''
  level.getMany = async (keys) => {
    const blocks = await getMany(keys)
    level.values.set(bad, Uint8Array.of(0))
    return blocks
  }
  assert.deepEqual(await namesIn(scan), [names[0], names[2]])
  assert.deepEqual(scan.lost, [bad])
})

test('blocks that are no entries of this log are lost, and the others are read', async () => {
  const { level, logs, names, scan } = await chainOf(3)
  const foreign = forgeEntry({ identity, address: '/orbitdb/another' }).bytes
  const others = [foreign, encodeValue({ next: names }), Uint8Array.of(255)]
  for (const bytes of others) {
    level.values.set(hashOf(bytes), bytes)
    logs.values.set(INDEX + hashOf(bytes), Uint8Array.of(1))
  }
  assert.deepEqual(await namesIn(scan), names)
  assert.deepEqual([...scan.lost].sort(), others.map(hashOf).sort())
})

test('a store that fails while what was read is refused ends nothing else', async (t) => {
  const uncaught = watchUncaught(t)
  const { level, scan } = await chainOf(3 * BATCH)
  const read = async () => {
    for await (const _ of scan.entries()) throw new Error('refused')
  }
  const getMany = level.getMany.bind(level)
  let reads = 0
  level.getMany = async (keys) => {
    reads += 1
    // Three for the links, and then the second for what they say.
    if (reads === 5) throw new RegistryError('CLOSED', 'the registry is not open')
    return getMany(keys)
  }
  await assert.rejects(read(), /refused/)
  await turn()
  assert.equal(reads, 5)
  assert.deepEqual(uncaught, [])
})
