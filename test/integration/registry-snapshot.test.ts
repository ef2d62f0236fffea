import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'

import { checkForImport } from '../../src/registry/snapshot/import.ts'
import { logAddress } from '../../src/registry/snapshot/log-name.ts'
import { exportStopped, importStopped, verifyStopped } from '../../src/registry/snapshot/offline.ts'
import { verifySnapshot } from '../../src/registry/snapshot/verify.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { createMemoryNetwork } from '../support/registry-transport.ts'
import { tempDir } from '../support/temp-dir.ts'
import { waitFor } from '../support/wait-for.ts'

const TTL_MS = 7 * 86_400_000

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts)
}

/** The file in pieces of an odd size, so that no block begins where a piece does. */
async function* inPieces(bytes: Uint8Array, size = 997): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function exported({ directory, identity }: TestRegistry): Promise<Uint8Array> {
  const options = { directory, networkName: 'test', timeMs: Date.now() }
  return bytesOf(exportStopped(options, identity))
}

async function imported(bytes: Uint8Array, directory: string, networkName = 'test') {
  const options = { directory, networkName, nowMs: Date.now(), ttlMs: TTL_MS }
  await checkForImport(inPieces(bytes), networkName)
  return await importStopped(inPieces(bytes), options)
}

/** Two stations that wrote some records of every kind in turn and hold the same; then both are stopped. */
async function twoStations(t: TestContext): Promise<[TestRegistry, TestRegistry]> {
  const network = createMemoryNetwork()
  const a = await startRegistry(t, network)
  const b = await startRegistry(t, network)
  network.connect(a.identity.peerId, b.identity.peerId)
  for (let i = 0; i < 10; i += 1) {
    await a.registry.writer.put('nodes', `a-${i}`, { node_name: 'A' })
    await b.registry.writer.put('nodes', `b-${i}`, { node_name: 'B' })
    await b.registry.writer.put('stores', `s-${i}`, { store_scope: ['eu'] })
  }
  await a.registry.writer.delete('nodes', 'a-3')
  for (const { registry } of [a, b]) {
    await waitFor(() => registry.view.counts().nodes === 19, { message: 'the nodes' })
    await waitFor(() => registry.view.counts().stores === 10, { message: 'the stores' })
  }
  await a.registry.stop()
  await b.registry.stop()
  return [a, b]
}

test('a snapshot is verified with nothing but the file, and has every entry of every author', async (t) => {
  const [a, b] = await twoStations(t)
  const bytes = await exported(a)
  const { manifest, logs, problems } = await verifySnapshot(inPieces(bytes))
  assert.deepEqual([problems.count, problems.first], [0, []])
  assert.equal(manifest.exporter, a.identity.peerId)
  const nodes = logs.find(({ name }) => name.startsWith('test.nodes.'))
  assert.deepEqual([nodes?.entries, nodes?.authors, nodes?.bad, nodes?.incomplete], [21, 2, 0, 0])
  const open = a.registry.status().map(({ name }) => name)
  assert.ok(open.includes('nodes'))
  assert.deepEqual(
    logs.map(({ name }) => logAddress(name)),
    manifest.logs.map(({ address }) => address),
  )
  assert.equal((await verifySnapshot(inPieces(await exported(b)))).problems.count, 0)
})

test('a new bootstrap that starts from a snapshot has every record, and a second import adds none', async (t) => {
  const [a] = await twoStations(t)
  const bytes = await exported(a)
  const directory = await tempDir(t)
  const first = await imported(bytes, directory)
  assert.deepEqual(
    first.logs.map(({ entries, added, waiting, early }) => [entries - added, waiting, early]),
    first.logs.map(() => [0, 0, 0]),
  )
  const again = await imported(bytes, directory)
  assert.ok(again.logs.every(({ added, mended }) => added === 0 && mended === 0))
  const stored = await verifyStopped({ directory })
  assert.deepEqual([stored?.problems.count, stored?.orphans], [0, 0])

  const c = await startRegistry(t, createMemoryNetwork(), { directory })
  assert.equal(c.registry.view.counts().nodes, 19)
  assert.equal(c.registry.view.counts().stores, 10)
  assert.equal(c.registry.view.get('nodes', 'a-3'), null)
  await a.registry.start()
  assert.deepEqual(
    c.registry.status().map(({ address, heads }) => [address, heads]),
    a.registry.status().map(({ address, heads }) => [address, heads]),
  )
  await c.registry.writer.put('nodes', 'c', {})
})

test('an import never removes anything: what the node had beside it is still there', async (t) => {
  const [a] = await twoStations(t)
  const bytes = await exported(a)
  const c = await startRegistry(t, createMemoryNetwork())
  await c.registry.writer.put('nodes', 'own', { node_name: 'C' })
  await c.registry.stop()
  const { logs } = await imported(bytes, c.directory)
  assert.equal(
    logs.reduce((sum, log) => sum + log.added, 0),
    31,
  )
  await c.registry.start()
  assert.equal(c.registry.view.counts().nodes, 20)
  assert.ok(c.registry.view.get('nodes', 'own'))
})

test("a snapshot of another network's is refused and nothing is written", async (t) => {
  const [a] = await twoStations(t)
  const bytes = await exported(a)
  const directory = await tempDir(t)
  await assert.rejects(imported(bytes, directory, 'other'), { code: 'OTHER_NETWORK' })
  assert.deepEqual(await readdir(directory), [])
})

test('what is lost of a listed entry is mended by an import', async (t) => {
  const [a, b] = await twoStations(t)
  const bytes = await exported(b)
  const { openLevel } = await import('../../src/registry/store/levels.ts')
  const level = await openLevel(a.directory, 'blocks')
  const keys: string[] = []
  for await (const key of level.keys()) keys.push(key)
  for (const key of keys.slice(0, 12)) await level.del(key)
  await level.put(keys[20] ?? '', Buffer.from('not what it was'))
  await level.close()

  const before = await verifyStopped(a)
  const missing = before?.logs.reduce((sum, { lost, damaged }) => sum + lost + damaged, 0) ?? 0
  assert.ok(missing > 5)
  const report = await imported(bytes, a.directory)
  assert.equal(
    report.logs.reduce((sum, { mended }) => sum + mended, 0),
    missing,
  )
  assert.equal((await verifyStopped(a))?.problems.count, 0)
})

test('an export leaves out what is lost, says so when verified, and the rest can be imported', async (t) => {
  const [a] = await twoStations(t)
  const hash = await lostEntry(a)
  const bytes = await exported(a)
  const { problems, logs } = await verifySnapshot(inPieces(bytes))
  assert.ok(problems.first[0]?.includes(hash))
  assert.equal(
    logs.reduce((sum, { bad }) => sum + bad, 0),
    0,
  )
  assert.equal(
    logs.reduce((sum, { incomplete }) => sum + incomplete, 0),
    problems.count,
  )
  const report = await imported(bytes, await tempDir(t))
  assert.ok(report.logs.some(({ waiting }) => waiting > 0))
  assert.ok(report.logs.some(({ added }) => added > 0))
})

/** Deletes the block of an entry in the middle of the log. */
async function lostEntry(a: TestRegistry): Promise<string> {
  await a.registry.start()
  const hash = a.registry.view.get('nodes', 'b-4')?.entryHash ?? ''
  await a.registry.stop()
  const { openLevel } = await import('../../src/registry/store/levels.ts')
  const level = await openLevel(a.directory, 'blocks')
  await level.del(hash)
  await level.close()
  return hash
}

test('a running registry is exported while it is written to, one export at a time', async (t) => {
  const { registry, identity } = await startRegistry(t, createMemoryNetwork())
  for (let i = 0; i < 100; i += 1) await registry.writer.put('nodes', `i-${i}`, {})
  const first = registry.snapshot()[Symbol.asyncIterator]()
  const head = await first.next()
  await registry.writer.put('nodes', 'later', {})
  await assert.rejects(bytesOf(registry.snapshot()), { code: 'BUSY' })
  const rest = await bytesOf({ [Symbol.asyncIterator]: () => first })
  const bytes = Buffer.concat([head.value ?? new Uint8Array(), rest])
  const { manifest, logs, problems } = await verifySnapshot(inPieces(bytes))
  assert.deepEqual([problems.count, manifest.exporter], [0, identity.peerId])
  assert.equal(
    logs.reduce((sum, { entries }) => sum + entries, 0),
    100,
  )

  const again = await verifySnapshot(registry.snapshot())
  assert.equal(
    again.logs.reduce((sum, { entries }) => sum + entries, 0),
    101,
  )
})

test('an export that nobody reads to its end leaves room for the next', async (t) => {
  const { registry } = await startRegistry(t, createMemoryNetwork())
  for await (const _ of registry.snapshot()) break
  assert.equal((await verifySnapshot(registry.snapshot())).problems.count, 0)
})

test('a registry that is stopped says so and exports nothing', async (t) => {
  const { registry } = await startRegistry(t, createMemoryNetwork())
  await registry.writer.put('nodes', 'i-1', {})
  await registry.stop()
  await assert.rejects(bytesOf(registry.snapshot()), { code: 'CLOSED' })
  await registry.start()
  assert.equal((await verifySnapshot(registry.snapshot())).problems.count, 0)
})
