import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import { createEphemeralIdentity } from '../../../../src/identity/index.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { BlockStore } from '../../../../src/registry/store/block-store.ts'
import type { RegistryDatabase } from '../../../../src/registry/store/database.ts'
import { openDatabases } from '../../../../src/registry/store/databases.ts'
import type { JudgedEntry } from '../../../../src/registry/store/entry-rules.ts'
import { HeadsStorage } from '../../../../src/registry/store/orbit-storages.ts'
import { MemoryByteStore } from '../../../support/byte-store.ts'
import { forgeEntry } from '../../../support/registry.ts'

const identity = await createEphemeralIdentity()
const other = await createEphemeralIdentity()

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

async function openNodes(t: TestContext, stores: Stores): Promise<Opened> {
  const joined: string[] = []
  const lost: string[] = []
  const databases = await openDatabases(
    { networkName: 'test' },
    {
      identity,
      blocks: new BlockStore({ level: stores.blocks, onDamaged: () => {} }),
      logs: stores.logs,
      clock: systemClock,
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
  assert.deepEqual(written, [entry.hash, `index/test.nodes.v1/${entry.hash}`])
})

test('refused entries leave no heads behind for later entries to be compared with', async (t) => {
  const stores = newStores()
  const storeHeads = t.mock.method(HeadsStorage.prototype, 'put')
  const { nodes } = await openNodes(t, stores)
  await put(nodes, 'i-1')
  stores.logs.beforeWrite = () => {
    throw new Error('the disk is full')
  }
  for (let i = 0; i < 5; i += 1) await assert.rejects(put(nodes, 'i-1'))
  stores.logs.beforeWrite = () => {}
  await put(nodes, 'i-1')
  const stored = storeHeads.mock.calls.at(-1)?.arguments[1]
  assert.ok(stored instanceof Uint8Array)
  assert.equal(JSON.parse(Buffer.from(stored).toString()).length, 1)
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
