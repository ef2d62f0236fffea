import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import { Log, type OrbitLog } from '@orbitdb/core'

import { createEphemeralIdentity } from '../../../../src/identity/index.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { createAccessController } from '../../../../src/registry/store/access-controller.ts'
import { BlockStore } from '../../../../src/registry/store/block-store.ts'
import type { RegistryDatabase } from '../../../../src/registry/store/database.ts'
import { openDatabases } from '../../../../src/registry/store/databases.ts'
import type { StoreRoom } from '../../../../src/registry/store/disk-guard.ts'
import type { JudgedEntry, Verdict } from '../../../../src/registry/store/entry-rules.ts'
import { orbitIdentity } from '../../../../src/registry/store/identities.ts'
import {
  createEntryStorage,
  createIndexStorage,
  HeadsStorage,
  PrefixStorage,
} from '../../../../src/registry/store/orbit-storages.ts'
import { MemoryByteStore } from '../../../support/byte-store.ts'
import { forgeEntry } from '../../../support/registry.ts'

const EMPTY = new Uint8Array()
const identity = await createEphemeralIdentity()
const other = await createEphemeralIdentity()

interface Traversable {
  traverse(): AsyncIterable<{ readonly hash?: string }>
}

interface Stores {
  readonly blocks: MemoryByteStore
  readonly logs: MemoryByteStore
}

interface Opened {
  readonly nodes: RegistryDatabase
  /** Local ids in the order in which they joined. */
  readonly joined: string[]
  readonly lost: string[]
}

async function openNodes(t: TestContext, stores: Stores, room?: StoreRoom): Promise<Opened> {
  const joined: string[] = []
  const lost: string[] = []
  const databases = await openDatabases(
    { networkName: 'test', epoch: 1 },
    {
      identity,
      blocks: new BlockStore({ level: stores.blocks, onDamaged: () => {} }),
      logs: stores.logs,
      clock: systemClock,
      ...(room === undefined ? {} : { room }),
      onEntry: (_, { localId }) => joined.push(localId),
      onLost: (_, hashes) => lost.push(...hashes),
    },
  )
  t.after(() => databases.close())
  return { nodes: databases.get('nodes'), joined, lost }
}

const newStores = (): Stores => ({ blocks: new MemoryByteStore(), logs: new MemoryByteStore() })

const put = (nodes: RegistryDatabase, localId: string) =>
  nodes.append({
    op: 'PUT',
    key: `${identity.peerId}/${localId}`,
    value: { ingester_id: localId, updated_at: '2026-01-01T00:00:00Z' },
  })

function entryOf(nodes: RegistryDatabase, localId: string, next: readonly string[]): JudgedEntry {
  const { bytes } = forgeEntry({
    identity: other,
    address: nodes.address,
    localId,
    signed: { next: [...next] },
  })
  const verdict = nodes.judge(bytes)
  assert.ok(verdict.isAccepted)
  return verdict
}

for (const [what, failing] of [
  ['its block', 0],
  ['its place in the index', 1],
] as const) {
  test(`an entry of which ${what} is not written is not in the log, nor after a restart`, async (t) => {
    const stores = newStores()
    const { nodes, joined } = await openNodes(t, stores)
    await put(nodes, 'first')
    let writes = 0
    const fail = () => {
      if (writes === failing) throw new Error('the disk is full')
      writes += 1
    }
    stores.blocks.beforeWrite = fail
    stores.logs.beforeWrite = fail
    await assert.rejects(put(nodes, 'failing'), /the disk is full/)
    await assert.rejects(nodes.join(entryOf(nodes, 'theirs', []), 'gossip'), /the disk is full/)
    assert.deepEqual(joined, ['first'])
    assert.equal(nodes.log.size, 1)

    stores.blocks.beforeWrite = () => {}
    stores.logs.beforeWrite = () => {}
    await put(nodes, 'second')
    await put(nodes, 'third')
    assert.equal(nodes.log.headCount, 1)
    const reopened = await openNodes(t, stores)
    assert.deepEqual(reopened.joined, ['first', 'second', 'third'])
    assert.deepEqual(reopened.lost, [])
    assert.equal(reopened.nodes.log.headCount, 1)
  })
}

test('storing an entry is two writes, so that no third can fail after it is stored', async (t) => {
  const stores = newStores()
  const { nodes } = await openNodes(t, stores)
  await put(nodes, 'first')
  const written: string[] = []
  stores.blocks.beforeWrite = (key) => void written.push(key)
  stores.logs.beforeWrite = (key) => void written.push(key)
  const { entry } = await put(nodes, 'second')
  assert.deepEqual(written, [entry.hash, `index/${nodes.name}/${entry.hash}`])
})

test('refused entries leave no heads behind for later entries to link to', async (t) => {
  const stores = newStores()
  const { nodes } = await openNodes(t, stores)
  await put(nodes, 'i-1')
  stores.logs.beforeWrite = () => {
    throw new Error('the disk is full')
  }
  for (let i = 0; i < 5; i += 1) await assert.rejects(put(nodes, 'i-1'))
  stores.logs.beforeWrite = () => {}
  const { entry } = await put(nodes, 'i-1')
  assert.equal(entry.next.length, 1)
  assert.deepEqual(
    nodes.log.headLinks().map(({ hash, next }) => [hash, next]),
    [[entry.hash, entry.next]],
  )
})

/** As a peer would write them: each links to the one before. */
function chainOf(nodes: RegistryDatabase, length: number, name = 'c'): JudgedEntry[] {
  const chain: JudgedEntry[] = []
  for (let i = 0; i < length; i += 1) {
    const before = chain.at(-1)
    chain.push(entryOf(nodes, `${name}-${i}`, before === undefined ? [] : [before.entry.hash]))
  }
  return chain
}

test('many entries join in two writes, parents first, each once', async (t) => {
  const stores = newStores()
  const { nodes, joined } = await openNodes(t, stores)
  const chain = chainOf(nodes, 20)
  const blocks = t.mock.method(stores.blocks, 'batch')
  const logs = t.mock.method(stores.logs, 'batch')
  const twice = [...chain, ...chain.slice(0, 3)]
  const isNew = await nodes.joinMany(twice, 'exchange')
  assert.deepEqual(isNew, [...chain.map(() => true), false, false, false])
  assert.equal(blocks.mock.callCount(), 1)
  assert.equal(logs.mock.callCount(), 1)
  assert.deepEqual(
    joined,
    chain.map(({ localId }) => localId),
  )
  assert.equal(nodes.log.headCount, 1)
  assert.deepEqual(await nodes.joinMany(chain, 'exchange'), Array(20).fill(false))
  assert.deepEqual((await openNodes(t, stores)).joined, joined)
})

test('the bytes of an entry are held when it is in the log, and not before', async (t) => {
  const { nodes } = await openNodes(t, newStores())
  const chain = chainOf(nodes, 2)
  const [first, second] = chain.map(({ bytes }) => bytes)
  assert.ok(first !== undefined && second !== undefined)
  assert.equal(nodes.holds(first), false)
  await nodes.joinMany(chain.slice(0, 1), 'exchange')
  assert.equal(nodes.holds(first), true)
  assert.equal(nodes.holds(second), false)
  assert.equal(nodes.holds(new Uint8Array(600_000)), false)
})

test('of many entries of which the index is not written none is in the log, nor after a restart', async (t) => {
  const stores = newStores()
  const { nodes, joined } = await openNodes(t, stores)
  const chain = chainOf(nodes, 5)
  stores.logs.beforeWrite = () => {
    throw new Error('the disk is full')
  }
  await assert.rejects(nodes.joinMany(chain, 'exchange'), /the disk is full/)
  assert.deepEqual(joined, [])
  assert.equal(nodes.log.size, 0)
  stores.logs.beforeWrite = () => {}
  assert.deepEqual((await openNodes(t, stores)).joined, [])
  await nodes.joinMany(chain, 'exchange')
  assert.equal((await openNodes(t, stores)).joined.length, 5)
})

test('an entry whose parents are not in the log does not join, nor do those with it', async (t) => {
  const { nodes } = await openNodes(t, newStores())
  const chain = chainOf(nodes, 3)
  await assert.rejects(nodes.joinMany(chain.slice(1), 'exchange'), /came before its parents/)
  assert.equal(nodes.log.size, 0)
})

test('a local write does not wait for all of a large transfer', async (t) => {
  const stores = newStores()
  const { nodes, joined } = await openNodes(t, stores)
  const transfer = nodes.joinMany(chainOf(nodes, 500), 'exchange')
  await put(nodes, 'ours')
  assert.ok(joined.indexOf('ours') < 400, `ours came after ${joined.indexOf('ours')}`)
  await transfer
  assert.equal(joined.length, 501)
})

test('what joined many at once is a log that OrbitDB reads to its end', async (t) => {
  const stores = newStores()
  const { nodes } = await openNodes(t, stores)
  await nodes.joinMany([...chainOf(nodes, 10, 'a'), ...chainOf(nodes, 10, 'b')], 'exchange')
  const own = await put(nodes, 'ours')
  await nodes.joinMany(chainOf(nodes, 3, 'd'), 'exchange')

  const heads = new HeadsStorage()
  heads.follow(() => nodes.log.headLinks())
  const index = new PrefixStorage(stores.logs, `index/${nodes.name}/`)
  const log = await Log(orbitIdentity(identity), {
    logId: nodes.address,
    access: createAccessController({ isJoined: () => true, judge: (bytes) => nodes.judge(bytes) }),
    entryStorage: createEntryStorage(new BlockStore({ level: stores.blocks, onDamaged: () => {} })),
    headsStorage: heads,
    indexStorage: createIndexStorage(index, (hash) => nodes.isPast(hash)),
  })
  const hashes = new Set<string | undefined>()
  for await (const { hash } of (log as OrbitLog & Traversable).traverse()) hashes.add(hash)
  assert.equal(hashes.size, 24)
  const headHashes = (await log.heads()).map(({ hash }) => hash)
  assert.equal(headHashes.length, 2)
  assert.ok(headHashes.includes(own.entry.hash))
})

test('a local write goes before the entries of peers that wait', async (t) => {
  const stores = newStores()
  const { nodes, joined } = await openNodes(t, stores)
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  stores.blocks.beforeWrite = () => held
  const remote = Array.from({ length: 50 }, (_, i) => entryOf(nodes, `r-${i}`, []))
  const joins = remote.map((judged) => nodes.join(judged, 'gossip'))
  const local = put(nodes, 'ours')
  // Enough turns of the event loop for the write to have reached its place in the queue.
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve))
  release()
  await local
  assert.deepEqual(joined, ['r-0', 'ours'])
  await Promise.all(joins)
  assert.equal(joined.length, 51)
})

test('the loss of any entry leaves the log open for writing, and it can be put back', async (t) => {
  for (let lostAt = 0; lostAt < 4; lostAt += 1) {
    const stores = newStores()
    const { nodes } = await openNodes(t, stores)
    const entries: JudgedEntry[] = []
    for (let i = 0; i < 4; i += 1) entries.push(await put(nodes, `i-${i}`))
    const victim = entries[lostAt]
    assert.ok(victim)
    stores.blocks.values.delete(victim.entry.hash)

    const { nodes: again, joined, lost } = await openNodes(t, stores)
    assert.deepEqual(lost, [victim.entry.hash])
    assert.equal(joined.length, 3)
    await put(again, 'after-1')
    await put(again, 'after-2')
    assert.equal(await again.join(victim, 'exchange'), true)
    await put(again, 'after-3')
    assert.equal(joined.length, 7)
    assert.equal(again.log.headCount, 1)
  }
})

test('an accepted entry keeps its own bytes alive and not the frame it came in', async (t) => {
  const { nodes } = await openNodes(t, newStores())
  const { bytes } = forgeEntry({ identity: other, address: nodes.address })
  const frame = new Uint8Array(1_000_000)
  frame.set(bytes, 500_000)
  const verdict = nodes.judge(frame.subarray(500_000, 500_000 + bytes.length))
  assert.ok(verdict.isAccepted)
  assert.equal(verdict.bytes.buffer.byteLength, bytes.length)
  assert.deepEqual(verdict.bytes, new Uint8Array(bytes))
})

test('a block that the disk cannot read costs that entry alone', async (t) => {
  const stores = newStores()
  const { nodes } = await openNodes(t, stores)
  for (let i = 0; i < 4; i += 1) await put(nodes, `i-${i}`)
  const victim = nodes.log.heads(1)[0] ?? ''
  const read = stores.blocks.get.bind(stores.blocks)
  stores.blocks.get = async (key) => {
    if (key === victim) throw new Error('LEVEL_CORRUPTION')
    return read(key)
  }
  stores.blocks.getMany = (keys) => Promise.all(keys.map((key) => stores.blocks.get(key)))
  const { joined, lost } = await openNodes(t, stores)
  assert.deepEqual(joined, ['i-0', 'i-1', 'i-2'])
  assert.deepEqual(lost, [victim])
})

test('an erased log leaves nothing of itself on disk, and of others everything', async (t) => {
  const stores = newStores()
  const kept = new Map(stores.blocks.values)
  const { nodes } = await openNodes(t, stores)
  for (const name of stores.blocks.values.keys())
    if (!nodes.address.endsWith(name)) kept.set(name, EMPTY)
  stores.logs.values.set('index/other/zdpu1', EMPTY)
  await nodes.joinMany(chainOf(nodes, 600), 'exchange')
  await assert.rejects(nodes.eraseStored(), /is open/)
  await nodes.close()
  await nodes.eraseStored()
  assert.deepEqual([...stores.blocks.values.keys()].sort(), [...kept.keys()].sort())
  assert.deepEqual([...stores.logs.values.keys()], ['index/other/zdpu1'])
  await nodes.eraseStored()
})

test('an erasure that is cut short can be begun again', async (t) => {
  const stores = newStores()
  const { nodes } = await openNodes(t, stores)
  await nodes.joinMany(chainOf(nodes, 600), 'exchange')
  await nodes.close()
  let writes = 0
  stores.blocks.beforeWrite = () => {
    writes += 1
    if (writes > 300) throw new Error('the disk is full')
  }
  await assert.rejects(nodes.eraseStored(), /the disk is full/)
  assert.ok(stores.logs.values.size > 0)
  stores.blocks.beforeWrite = () => {}
  await nodes.eraseStored()
  assert.equal(stores.logs.values.size, 0)
  assert.ok(stores.blocks.values.size < 4)
})

test('many are judged as one by one, and one that is in the log is known without being judged', async (t) => {
  const { nodes } = await openNodes(t, newStores())
  const [honest, known] = [entryOf(nodes, 'a', []), entryOf(nodes, 'b', [])]
  await nodes.join(known, 'exchange')
  const forge = (unsigned: object, signed: object = {}) =>
    forgeEntry({
      identity: other,
      address: nodes.address,
      unsigned: { ...unsigned },
      signed: { ...signed },
    }).bytes
  const early = { id: other.peerId, time: Date.now() + 3_600_000 }
  const batch = [
    honest.bytes,
    known.bytes,
    forge({ sig: '0'.repeat(128) }),
    forge({ key: 'nobody', identity: 'nobody' }),
    forge({}, { clock: early }),
    forge({ extra: 1 }),
    Uint8Array.of(255),
    new Uint8Array(10_000),
  ]
  const reasonOf = (verdict: Verdict | null) =>
    verdict === null ? 'known' : verdict.isAccepted ? 'accepted' : verdict.reason
  assert.deepEqual((await nodes.judgeMany(batch)).map(reasonOf), [
    'accepted',
    'known',
    ...batch.slice(2).map((bytes) => reasonOf(nodes.judge(bytes))),
  ])
  assert.deepEqual(
    batch.slice(2).map((bytes) => reasonOf(nodes.judge(bytes))),
    ['signature', 'clock', 'clock-ahead', 'fields', 'malformed', 'too-large'],
  )
})

test('entries that arrive while others are stored are stored together, each told whether it was new', async (t) => {
  const stores = newStores()
  const { nodes, joined } = await openNodes(t, stores)
  const batches = t.mock.method(stores.blocks, 'batch')
  const entries = Array.from({ length: 20 }, (_, i) => entryOf(nodes, `r-${i}`, []))
  const [first] = entries
  assert.ok(first)
  const isNew = await Promise.all([...entries, first].map((entry) => nodes.join(entry, 'gossip')))
  assert.deepEqual(isNew, [...entries.map(() => true), false])
  assert.equal(joined.length, 20)
  // The first alone, and what came meanwhile.
  assert.equal(batches.mock.callCount(), 2)
})

test('entries that could not be stored together are not in the log, and can be joined again', async (t) => {
  const stores = newStores()
  const { nodes } = await openNodes(t, stores)
  const entries = [entryOf(nodes, 'r-1', []), entryOf(nodes, 'r-2', [])]
  stores.logs.beforeWrite = () => {
    throw new Error('no')
  }
  const failed = await Promise.allSettled(entries.map((entry) => nodes.join(entry, 'gossip')))
  assert.deepEqual(
    failed.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  assert.equal(nodes.log.size, 0)
  stores.logs.beforeWrite = () => {}
  assert.deepEqual(await Promise.all(entries.map((entry) => nodes.join(entry, 'gossip'))), [
    true,
    true,
  ])
})

const bytesOf = (nodes: RegistryDatabase, localId: string, next: readonly string[] = []) =>
  forgeEntry({ identity: other, address: nodes.address, localId, signed: { next: [...next] } })
    .bytes

test('where there is no room, entries of others are refused for the time being, and ours are not', async (t) => {
  const room = { acceptsRemote: true, noteStored: () => {} }
  const { nodes, joined } = await openNodes(t, newStores(), room)
  const early = entryOf(nodes, 'early', [])
  await nodes.join(early, 'gossip')

  room.acceptsRemote = false
  const bytes = bytesOf(nodes, 'theirs')
  const refusal = { isAccepted: false, reason: 'no-room', isTemporary: true }
  assert.deepEqual(nodes.judge(bytes), refusal)
  assert.deepEqual(await nodes.judgeMany([bytes, early.bytes]), [refusal, null])
  assert.equal(nodes.judge(early.bytes).isAccepted, true, 'one that has joined is known')
  await put(nodes, 'ours')
  assert.deepEqual(joined, ['early', 'ours'])

  room.acceptsRemote = true
  assert.equal(nodes.judge(bytes).isAccepted, true, 'nothing is held against it')
})

test('what was lost on this disk is taken back where there is no room for more', async (t) => {
  const room = { acceptsRemote: true, noteStored: () => {} }
  const stores = newStores()
  const first = await openNodes(t, stores, room)
  const parent = entryOf(first.nodes, 'parent', [])
  const child = entryOf(first.nodes, 'child', [parent.entry.hash])
  await first.nodes.joinMany([parent, child], 'exchange')
  await first.nodes.close()
  stores.blocks.values.delete(parent.entry.hash)

  room.acceptsRemote = false
  const { nodes, joined } = await openNodes(t, stores, room)
  assert.deepEqual(joined, ['child'])
  const verdict = nodes.judge(parent.bytes)
  assert.ok(verdict.isAccepted)
  await nodes.join(verdict, 'exchange')
  assert.deepEqual(joined, ['child', 'parent'])
})

test('what is stored is counted, whoever wrote it', async (t) => {
  let stored = 0
  const room: StoreRoom = {
    acceptsRemote: true,
    noteStored: (bytes) => {
      stored += bytes
    },
  }
  const { nodes } = await openNodes(t, newStores(), room)
  const ours = await put(nodes, 'ours')
  const theirs = entryOf(nodes, 'theirs', [])
  await nodes.join(theirs, 'gossip')
  await nodes.join(theirs, 'gossip')
  assert.equal(stored, ours.bytes.length + theirs.bytes.length)
})
