import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import type { RegistryTransport } from '../../src/network/types.ts'
import type { NodeRecord } from '../../src/registry/index.ts'
import { transferProtocol } from '../../src/registry/replication/log-transfer.ts'
import { openLevel } from '../../src/registry/store/levels.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { createMemoryNetwork } from '../support/registry-transport.ts'
import { waitFor } from '../support/wait-for.ts'

const nodeAt = ({ registry }: TestRegistry, id: string) =>
  registry.view.get<NodeRecord>('nodes', id)
const joinedAt = ({ registry }: TestRegistry) => registry.status()[0]?.entriesJoined
const headsAt = ({ registry }: TestRegistry) => registry.status()[0]?.heads

test('every node of a network makes the same addresses, and another network makes others', async (t) => {
  const network = createMemoryNetwork()
  const now = () => Date.UTC(2026, 0, 8)
  const a = await startRegistry(t, network, { networkName: 'wesense', now })
  const b = await startRegistry(t, network, { networkName: 'other', now })
  // Changing any of these cuts a node off from the network: it needs a new rules version.
  assert.deepEqual(
    a.registry.status().map(({ name, epoch, address }) => [name, epoch, address]),
    GOLDEN_ADDRESSES,
  )
  const others = b.registry.status().map(({ address }) => address)
  for (const { address } of a.registry.status()) assert.ok(!others.includes(address))
})

test('a record that one station writes is visible at the other, and so is its delete', async (t) => {
  const network = createMemoryNetwork()
  const a = await startRegistry(t, network)
  const b = await startRegistry(t, network)
  network.connect(a.identity.peerId, b.identity.peerId)

  await a.registry.writer.put('nodes', 'ingester-1', { node_name: 'kitchen' })
  const record = await waitFor(() => nodeAt(b, 'ingester-1'), { message: 'the record at B' })
  assert.equal(record.author, a.identity.peerId)
  assert.equal(record.value.node_name, 'kitchen')

  await a.registry.writer.delete('nodes', 'ingester-1')
  await waitFor(() => nodeAt(b, 'ingester-1') === null, { message: 'the delete at B' })
})

test('what a spoke wrote before it met the hub reaches the other spoke through the hub', async (t) => {
  const network = createMemoryNetwork()
  const [a, hub, c] = [
    await startRegistry(t, network),
    await startRegistry(t, network),
    await startRegistry(t, network),
  ]
  network.connect(hub.identity.peerId, c.identity.peerId)
  for (let i = 0; i < 3; i += 1) await a.registry.writer.put('nodes', `ingester-${i}`, {})
  network.connect(a.identity.peerId, hub.identity.peerId)
  await waitFor(() => nodeAt(c, 'ingester-0') && nodeAt(c, 'ingester-2'), {
    message: 'the records at the other spoke',
  })
})

test('a latecomer gets a whole log with forks, in the state it ended in', async (t) => {
  const network = createMemoryNetwork()
  const a = await startRegistry(t, network)
  const b = await startRegistry(t, network)
  // Written apart, so that the log forks before it is merged.
  for (let i = 0; i < 40; i += 1) {
    await a.registry.writer.put('nodes', `a-${i}`, { version: 1 })
    await b.registry.writer.put('nodes', `b-${i}`, { version: 1 })
  }
  network.connect(a.identity.peerId, b.identity.peerId)
  await waitFor(() => joinedAt(a) === 80 && joinedAt(b) === 80, { message: 'both logs whole' })
  await a.registry.writer.put('nodes', 'a-0', { version: 2 })
  await a.registry.writer.delete('nodes', 'a-1')
  assert.equal(headsAt(a), 1)

  const late = await startRegistry(t, network)
  network.connect(late.identity.peerId, a.identity.peerId)
  await waitFor(() => joinedAt(late) === 82, { message: 'the whole log at the latecomer' })
  assert.equal(late.registry.view.counts().nodes, 79)
  assert.equal(nodeAt(late, 'a-0')?.value.version, 2)
  assert.equal(nodeAt(late, 'a-1'), null)
  assert.equal(headsAt(late), 1)
})

test('a log of several pages comes whole', async (t) => {
  const network = createMemoryNetwork()
  const a = await startRegistry(t, network)
  const filler = 'x'.repeat(4000)
  for (let i = 0; i < 150; i += 1)
    await a.registry.writer.put('nodes', `i-${i}`, { source: filler })
  const b = await startRegistry(t, network)
  network.connect(a.identity.peerId, b.identity.peerId)
  await waitFor(() => joinedAt(b) === 150, { message: 'the whole log' })
  assert.match(await b.metrics.text(), /exchanges_total\{kind="log",outcome="ok"\} 1/)
})

test('a transfer that is cut short goes on where it ended', async (t) => {
  const network = createMemoryNetwork()
  const a = await startRegistry(t, network)
  const filler = 'x'.repeat(4000)
  for (let i = 0; i < 150; i += 1)
    await a.registry.writer.put('nodes', `i-${i}`, { source: filler })
  const identity = await createEphemeralIdentity()
  const inner = network.join(identity.peerId)
  let cuts = 0
  const open: RegistryTransport['open'] = async (peerId, protocol, signal) => {
    const stream = await inner.open(peerId, protocol, signal)
    if (protocol !== transferProtocol('test') || cuts > 0) return stream
    cuts += 1
    return {
      ...stream,
      chunks: async function* () {
        for await (const chunk of stream.chunks()) {
          yield chunk
          throw new Error('the line went down')
        }
      },
    }
  }
  const b = await startRegistry(t, network, { identity, transport: { ...inner, open } })
  network.connect(a.identity.peerId, identity.peerId)
  await waitFor(() => joinedAt(b) === 150, { message: 'the whole log' })
  const text = await b.metrics.text()
  assert.match(text, /exchanges_total\{kind="log",outcome="failed"\} 1/)
  assert.match(text, /exchanges_total\{kind="log",outcome="ok"\} 1/)
})

test('two stations that wrote much while apart send each other only what is missing', async (t) => {
  const network = createMemoryNetwork()
  const a = await startRegistry(t, network)
  const b = await startRegistry(t, network)
  const [idA, idB] = [a.identity.peerId, b.identity.peerId]
  network.connect(idA, idB)
  for (let i = 0; i < 30; i += 1) await a.registry.writer.put('nodes', `shared-${i}`, {})
  await waitFor(() => joinedAt(b) === 30, { message: 'the shared past' })
  network.disconnect(idA, idB)
  for (let i = 0; i < 30; i += 1) {
    await a.registry.writer.put('nodes', `a-${i}`, {})
    await b.registry.writer.put('nodes', `b-${i}`, {})
  }
  network.connect(idA, idB)
  await waitFor(() => joinedAt(a) === 90 && joinedAt(b) === 90, { message: 'both logs whole' })
  assert.deepEqual(
    a.registry.view
      .list('nodes')
      .map((r) => r.entryHash)
      .sort(),
    b.registry.view
      .list('nodes')
      .map((r) => r.entryHash)
      .sort(),
  )
})

test('a burst that gossip has no room for is told by exchanges, and is no offence', async (t) => {
  const network = createMemoryNetwork()
  const a = await startRegistry(t, network)
  const b = await startRegistry(t, network)
  network.connect(a.identity.peerId, b.identity.peerId)
  for (let i = 0; i < 800; i += 1) await a.registry.writer.put('nodes', `i-${i}`, {})
  await waitFor(() => joinedAt(b) === 800, { message: 'the burst', timeoutMs: 10_000 })
  assert.match(
    await a.metrics.text(),
    /gossip_skipped_total\{database="nodes",reason="own_budget"\} \d/,
  )
  assert.equal(b.transport.penaltyOf(a.identity.peerId), 0)
})

test('metrics tell how long exchanges took, how far a peer was ahead and how late gossip came', async (t) => {
  const network = createMemoryNetwork()
  let nowMs = Date.now()
  const a = await startRegistry(t, network)
  const b = await startRegistry(t, network, { now: () => nowMs })
  for (let i = 0; i < 20; i += 1) await a.registry.writer.put('nodes', `i-${i}`, {})
  network.connect(a.identity.peerId, b.identity.peerId)
  await waitFor(() => joinedAt(b) === 20, { message: 'the log' })
  nowMs = Date.now() + 30_000
  await a.registry.writer.put('nodes', 'late', {})
  await waitFor(() => nodeAt(b, 'late'), { message: 'the late record' })
  const text = await b.metrics.text()
  assert.match(text, /peer_ahead_entries_sum\{database="nodes"\} 20/)
  assert.match(text, /exchange_seconds_count\{kind="log"\} 1/)
  assert.match(text, /gossip_lag_seconds_bucket\{le="60",database="nodes"\} 1/)
  assert.match(text, /gossip_lag_seconds_bucket\{le="10",database="nodes"\} 0/)
})

test('a long stretch lost on disk comes back at once, not entry by entry', async (t) => {
  const network = createMemoryNetwork()
  const a = await startRegistry(t, network, { exchangeIntervalMs: 2000 })
  const b = await startRegistry(t, network)
  const [idA, idB] = [a.identity.peerId, b.identity.peerId]
  network.connect(idA, idB)
  for (let i = 0; i < 120; i += 1) await a.registry.writer.put('nodes', `i-${i}`, {})
  await waitFor(() => joinedAt(b) === 120, { message: 'all at B' })
  network.disconnect(idA, idB)
  const lost = Array.from({ length: 60 }, (_, i) => nodeAt(a, `i-${i + 30}`)?.entryHash ?? '')
  await a.registry.stop()
  const blocks = await openLevel(a.directory, 'blocks')
  for (const hash of lost) await blocks.del(hash)
  await blocks.close()
  await a.registry.start()
  assert.equal(a.registry.view.counts().nodes, 60)

  network.connect(idA, idB)
  // One entry every two seconds would take two minutes.
  await waitFor(() => a.registry.view.counts().nodes === 120, { message: 'the lost stretch' })
  assert.equal(headsAt(a), 1)
  assert.equal(a.transport.penaltyOf(idB), 0)
})

test('an entry that gossip lost is brought by comparing heads with a random peer', async (t) => {
  const network = createMemoryNetwork()
  const options = { antiEntropyIntervalMs: 200 }
  const a = await startRegistry(t, network, options)
  const b = await startRegistry(t, network, options)
  network.connect(a.identity.peerId, b.identity.peerId)
  await a.registry.writer.put('nodes', 'first', {})
  await waitFor(() => nodeAt(b, 'first'), { message: 'the first record' })

  network.dropGossip(true)
  await a.registry.writer.put('nodes', 'second', {})
  await waitFor(() => nodeAt(b, 'second'), { message: 'the second record without gossip' })
})

test('a put that changes nothing appends nothing until the record is past half its life', async (t) => {
  const network = createMemoryNetwork()
  let nowMs = Date.now()
  const a = await startRegistry(t, network, { now: () => nowMs, nodeTtlDays: 7 })
  const put = () =>
    a.registry.writer.put('nodes', 'i-1', { node_name: 'n', updated_at: 'x', why: 1 })
  const first = await put()
  assert.equal(first.isAppended, true)
  assert.deepEqual(first.ignored, ['why'])
  nowMs += 3 * 86_400_000
  const second = await put()
  assert.equal(second.isAppended, false)
  assert.equal(second.record.entryHash, first.record.entryHash)
  assert.equal(joinedAt(a), 1)
  nowMs += 86_400_000
  assert.equal((await put()).isAppended, true)
  assert.equal((await a.registry.writer.put('nodes', 'i-1', { node_name: 'm' })).isAppended, true)
})

test('the record of another station is neither written nor deleted, and its owner is named', async (t) => {
  const network = createMemoryNetwork()
  const a = await startRegistry(t, network)
  const b = await startRegistry(t, network)
  network.connect(a.identity.peerId, b.identity.peerId)
  await a.registry.writer.put('stores', 's-1', { store_scope: ['nz/*'] })
  await waitFor(() => b.registry.view.get('stores', 's-1'), { message: 'the store at B' })

  const owned = { code: 'OWNED_BY_OTHER', facts: { owner: a.identity.peerId } }
  await assert.rejects(b.registry.writer.put('stores', 's-1', {}), owned)
  await assert.rejects(b.registry.writer.delete('stores', 's-1'), owned)
  await assert.rejects(b.registry.writer.delete('stores', 's-2'), { code: 'NOT_FOUND' })
  assert.equal(b.registry.status()[2]?.entriesJoined, 1)
})

test('of two claims on one ingester both stations show the earlier', async (t) => {
  const network = createMemoryNetwork()
  const a = await startRegistry(t, network)
  const b = await startRegistry(t, network)
  await a.registry.writer.put('nodes', 'i-1', { node_name: 'first' })
  await waitFor(() => Date.now() > (nodeAt(a, 'i-1')?.clockMs ?? 0), { message: 'a later clock' })
  await b.registry.writer.put('nodes', 'i-1', { node_name: 'second' })
  network.connect(a.identity.peerId, b.identity.peerId)
  await waitFor(() => a.registry.view.claims('nodes', 'i-1').length === 2, { message: 'both at A' })
  await waitFor(() => b.registry.view.claims('nodes', 'i-1').length === 2, { message: 'both at B' })
  assert.equal(nodeAt(a, 'i-1')?.value.node_name, 'first')
  assert.equal(nodeAt(b, 'i-1')?.value.node_name, 'first')
  assert.equal(b.registry.view.list('nodes').length, 1)
  // B's own claim stands, so B may still change and withdraw it.
  await b.registry.writer.put('nodes', 'i-1', { node_name: 'third' })
  await b.registry.writer.delete('nodes', 'i-1')
  assert.equal(nodeAt(b, 'i-1')?.value.node_name, 'first')
})

test('a restart keeps every record, and writing goes on', async (t) => {
  const network = createMemoryNetwork()
  const a = await startRegistry(t, network)
  const { registry } = a
  await registry.writer.put('nodes', 'i-1', { node_name: 'n' })
  await registry.writer.put('nodes', 'i-2', {})
  await registry.writer.delete('nodes', 'i-2')
  await registry.writer.put('trust', 'i-1', { public_key: Buffer.alloc(32, 1).toString('base64') })
  await registry.stop()
  await registry.stop()
  assert.equal(registry.isReady, false)
  await assert.rejects(registry.writer.put('nodes', 'i-3', {}), { code: 'CLOSED' })

  await registry.start()
  await registry.start()
  assert.equal(registry.isReady, true)
  assert.equal(nodeAt(a, 'i-1')?.value.node_name, 'n')
  assert.equal(nodeAt(a, 'i-2'), null)
  assert.deepEqual(registry.view.counts(), { nodes: 1, trust: 1, stores: 0, attestations: 0 })
  assert.equal((await registry.writer.put('nodes', 'i-1', { node_name: 'n' })).isAppended, false)
  await registry.writer.put('nodes', 'i-3', {})
  assert.equal(headsAt(a), 1)
})

test('a record is listed while its author was seen, and is kept when it is not', async (t) => {
  const network = createMemoryNetwork()
  let nowMs = Date.now()
  const a = await startRegistry(t, network)
  const b = await startRegistry(t, network, { now: () => nowMs, nodeTtlDays: 1 })
  network.connect(a.identity.peerId, b.identity.peerId)
  await a.registry.writer.put('nodes', 'i-1', {})
  await b.registry.writer.put('nodes', 'own', {})
  await waitFor(() => nodeAt(b, 'i-1'), { message: 'the record at B' })
  const listed = () => b.registry.view.list('nodes').map((record) => record.localId)
  network.disconnect(a.identity.peerId, b.identity.peerId)

  nowMs += 2 * 86_400_000
  assert.deepEqual(listed(), ['own'])
  assert.equal(b.registry.view.claims('nodes', 'i-1').length, 1)
  b.registry.markSeen(a.identity.peerId)
  assert.deepEqual(listed().sort(), ['i-1', 'own'])

  await b.registry.stop()
  await b.registry.start()
  assert.deepEqual(listed().sort(), ['i-1', 'own'], 'presence survives a restart')
})

test('a node record with an address is announced to listeners, our own is not', async (t) => {
  const network = createMemoryNetwork()
  const a = await startRegistry(t, network)
  const b = await startRegistry(t, network)
  const heard: unknown[] = []
  const stopListening = b.registry.onNodeRecord((node) => heard.push(node))
  network.connect(a.identity.peerId, b.identity.peerId)
  const peerId = a.identity.peerId
  await b.registry.writer.put('nodes', b.identity.peerId, { announce_address: 'b.example.org' })
  await a.registry.writer.put('nodes', 'i-1', { node_name: 'has no address' })
  await a.registry.writer.put('nodes', peerId, { announce_address: 'a.example.org, 192.0.2.1' })
  await waitFor(() => heard.length > 0, { message: 'the node record' })
  const expected = [{ peerId, addresses: ['a.example.org', '192.0.2.1'] }]
  assert.deepEqual(heard, expected)
  assert.deepEqual([...b.registry.announcedNodes()], expected)
  stopListening()
  await a.registry.writer.put('nodes', peerId, { announce_address: 'c.example.org' })
  await waitFor(() => nodeAt(b, peerId)?.value.announce_address === 'c.example.org', {
    message: 'the change',
  })
  assert.equal(heard.length, 1)
})

test('revoking trust revokes every version, once', async (t) => {
  const network = createMemoryNetwork()
  const { registry } = await startRegistry(t, network)
  const key = (fill: number) => Buffer.alloc(32, fill).toString('base64')
  await registry.writer.put('trust', 'i-1', { public_key: key(1), key_version: 1 })
  await registry.writer.put('trust', 'i-1', { public_key: key(2), key_version: 2 })
  const { record } = await registry.writer.revokeTrust('i-1')
  assert.ok('versions' in record.value)
  const states = Object.values(record.value.versions as object).map((version) => version.status)
  assert.deepEqual(states, ['revoked', 'revoked'])
  assert.equal((await registry.writer.revokeTrust('i-1')).isAppended, false)
  await assert.rejects(registry.writer.revokeTrust('i-2'), { code: 'NOT_FOUND' })
})

test('a record that is too large for an entry names its largest field', async (t) => {
  const { registry } = await startRegistry(t, createMemoryNetwork())
  const raw = { node_name: 'x'.repeat(4000), source: 'y'.repeat(4096), version: 'z'.repeat(500) }
  await assert.rejects(registry.writer.put('nodes', 'i-1', raw), {
    code: 'TOO_LARGE',
    facts: { field: 'source' },
  })
  await assert.rejects(registry.writer.put('nodes', 'a/b', {}), {
    code: 'INVALID_RECORD',
    facts: { field: 'id' },
  })
  await registry.writer.put('nodes', 'i-1', {})
})

test('metrics count records, entries and writes', async (t) => {
  const { registry, metrics } = await startRegistry(t, createMemoryNetwork())
  await registry.writer.put('nodes', 'i-1', {})
  await assert.rejects(registry.writer.put('nodes', 'i-2', { regions: 7 }))
  const text = await metrics.text()
  assert.match(text, /wesense_registry_records\{database="nodes"\} 1/)
  assert.match(text, /wesense_registry_heads\{database="nodes"\} 1/)
  assert.match(text, /entries_joined_total\{database="nodes",source="local"\} 1/)
  assert.match(text, /writes_total\{database="nodes",outcome="ok"\} 1/)
  assert.match(text, /writes_total\{database="nodes",outcome="invalid_record"\} 1/)
})

const GOLDEN_ADDRESSES = [
  ['nodes', 1461, '/orbitdb/zdpuB1NG5L6hRQyxBJSYEh4fyyQPniZqwn8FrP2V5aw46v5pP'],
  ['trust', 1461, '/orbitdb/zdpuAwTK5XVncTWa9CXPKaWkmVufy2oZ5gZftPkV7LQ6eqzJ4'],
  ['stores', 1461, '/orbitdb/zdpuAse1RgrPaMVcTHytbwnMky4EUdpkYXrZhkrnGHvDQjcrL'],
  ['attestations', 1461, '/orbitdb/zdpuAr3Rh79Z6AyupMP1RsGn8qzmowytuou9oSq37p8eUS2mU'],
]
