import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { verifyStopped } from '../../src/registry/snapshot/offline.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { createMemoryNetwork, type MemoryNetwork } from '../support/registry-transport.ts'
import { tempDir } from '../support/temp-dir.ts'
import { waitFor } from '../support/wait-for.ts'

const WRITER = join(import.meta.dirname, '../support/registry-writer.ts')
const KILLS = 50
/** At a time: a start takes half a second of one core. */
const LANES = 4
const RECORDS = 150

/** A station whose process is killed over and over; what it acknowledged is kept. */
async function killOften(directory: string, rawKey: string, kills: number): Promise<Set<string>> {
  const acknowledged = new Set<string>()
  for (let i = 0; i < kills; i += 1) {
    const child = spawn(process.execPath, [WRITER, directory, rawKey], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    let text = ''
    let isWriting = false
    child.stdout.on('data', (chunk: Buffer) => {
      isWriting = true
      const lines = (text + chunk).split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) acknowledged.add(line)
    })
    // Some die while they start, the others at any moment of the first writes.
    const isEarly = i % 5 === 4
    if (!isEarly) await waitFor(() => isWriting, { message: 'writes', timeoutMs: 20_000 })
    const timer = setTimeout(() => child.kill('SIGKILL'), Math.random() * (isEarly ? 700 : 60))
    await exited
    clearTimeout(timer)
  }
  return acknowledged
}

test(`a station killed ${KILLS} times at random moments has all that it acknowledged`, async (t) => {
  const stations = await Promise.all(
    Array.from({ length: LANES }, async () => {
      const identity = await createEphemeralIdentity()
      const rawKey = Buffer.from(identity.privateKey.raw).toString('hex')
      const directory = await tempDir(t)
      const kills = Math.ceil(KILLS / LANES)
      return { identity, directory, acknowledged: await killOften(directory, rawKey, kills) }
    }),
  )
  for (const { identity, directory, acknowledged } of stations) {
    assert.ok(acknowledged.size > 0)
    const report = await verifyStopped({ directory })
    assert.deepEqual([report.problems.count, report.problems.first], [0, []])
    const { registry } = await startRegistry(t, createMemoryNetwork(), { directory, identity })
    const lost = [...acknowledged].filter((id) => registry.view.get('nodes', id) === null)
    assert.deepEqual(lost, [])
    await registry.writer.put('nodes', 'after', {})
    assert.equal(registry.status()[0]?.heads, 1)
  }
})

interface Pair {
  readonly network: MemoryNetwork
  readonly a: TestRegistry
  readonly b: TestRegistry
  readonly expected: Map<string, string>
  readonly heads: number
}

/** Two stations that hold the same records of both; then A is stopped, with its files written out. */
async function pair(t: TestContext): Promise<Pair> {
  const network = createMemoryNetwork()
  const a = await startRegistry(t, network)
  const b = await startRegistry(t, network)
  network.connect(a.identity.peerId, b.identity.peerId)
  for (let i = 0; i < RECORDS / 3; i += 1) {
    await a.registry.writer.put('nodes', `a-${i}`, { node_name: `of A, ${'x'.repeat(200)}` })
    await b.registry.writer.put('nodes', `b-${i}`, { node_name: 'of B' })
    await b.registry.writer.put('stores', `s-${i}`, { store_scope: ['eu'] })
  }
  const isSame = () =>
    [a, b].every(({ registry }) => {
      const { nodes, stores } = registry.view.counts()
      return nodes + stores === RECORDS
    })
  await waitFor(isSame, { message: 'the same at both', timeoutMs: 15_000 })
  const expected = recordsOf(a)
  const heads = a.registry.status()[0]?.heads ?? 0
  network.disconnect(a.identity.peerId, b.identity.peerId)
  // Closed and opened, so that what is in LevelDB's log becomes a table.
  await a.registry.stop()
  await a.registry.start()
  await a.registry.stop()
  return { network, a, b, expected, heads }
}

function recordsOf({ registry }: TestRegistry): Map<string, string> {
  const all = [...registry.view.list('nodes'), ...registry.view.list('stores')]
  return new Map(all.map(({ localId, entryHash }) => [localId, entryHash]))
}

/** A starts, writes, meets B again, and has what it had, with the same entries. */
async function assertWholeAgain({ network, a, b, expected }: Pair): Promise<void> {
  await a.registry.start()
  assert.equal(a.registry.isReady, true)
  await a.registry.writer.put('nodes', 'new', {})
  network.connect(a.identity.peerId, b.identity.peerId)
  const missing = () => [...expected].filter(([id, hash]) => recordsOf(a).get(id) !== hash)
  await waitFor(() => missing().length === 0, { message: 'what A had', timeoutMs: 15_000 })
  await waitFor(() => b.registry.view.get('nodes', 'new'), { message: 'the new record at B' })
  await a.registry.stop()
  const { logs } = await verifyStopped(a)
  assert.equal(
    logs.reduce((sum, log) => sum + log.damaged + log.incomplete, 0),
    0,
  )
}

/** Changes every file of a store that matches. */
async function damage(
  directory: string,
  pattern: RegExp,
  change: (bytes: Buffer) => Buffer,
): Promise<void> {
  const names = (await readdir(directory)).filter((name) => pattern.test(name))
  assert.ok(names.length > 0, `${directory} has a file like ${pattern}`)
  for (const name of names) {
    const path = join(directory, name)
    await writeFile(path, change(await readFile(path)))
  }
}

const half = (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)

/** One bit in each kilobyte, and one near either end. */
function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  const places = [7, copy.length - 9]
  for (let at = 500; at < copy.length; at += 1024) places.push(at)
  for (const at of places) copy[at] = (copy[at] ?? 0) ^ 0x10
  return copy
}

for (const store of ['blocks', 'logs'] as const) {
  for (const [kind, pattern] of [
    ['tables', /\.ldb$/],
    ['logs', /\.log$/],
    ['manifest', /^MANIFEST-/],
    ['CURRENT', /^CURRENT$/],
  ] as const) {
    for (const [how, change] of [
      ['cut off', half],
      ['bit-flipped', flipped],
    ] as const) {
      test(`${store} with their ${kind} ${how} cost nothing that a peer still has`, async (t) => {
        const stations = await pair(t)
        await damage(join(stations.a.directory, store), pattern, change)
        await assertWholeAgain(stations)
      })
    }
  }
}

test('a deleted block folder is filled again from a peer', async (t) => {
  const stations = await pair(t)
  await rm(join(stations.a.directory, 'blocks'), { recursive: true })
  await assertWholeAgain(stations)
})

test('a deleted index folder is made again from the blocks, with no peer at all', async (t) => {
  const { a, expected, heads } = await pair(t)
  await rm(join(a.directory, 'logs'), { recursive: true })
  await a.registry.start()
  assert.deepEqual(recordsOf(a), expected)
  assert.equal(a.registry.status()[0]?.heads, heads)
  await a.registry.writer.put('nodes', 'new', {})
  await a.registry.stop()
  const report = await verifyStopped(a)
  assert.deepEqual([report.problems.count, report.orphans], [0, 0])
})

test('both folders deleted leave an empty registry that a peer fills with what the station wrote', async (t) => {
  const stations = await pair(t)
  for (const store of ['blocks', 'logs']) {
    await rm(join(stations.a.directory, store), { recursive: true })
  }
  await assertWholeAgain(stations)
})

test('an index that cannot be read is kept beside the one made from the blocks', async (t) => {
  const { a, expected } = await pair(t)
  await damage(join(a.directory, 'logs'), /\.ldb$/, (bytes) =>
    bytes.fill(255, 200, Math.min(bytes.length - 50, 1200)),
  )
  await a.registry.start()
  assert.deepEqual(recordsOf(a), expected)
  const names = await readdir(a.directory)
  assert.ok(
    names.some((name) => name.startsWith('logs.damaged-')),
    names.join(' '),
  )
})
