import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'

import { createEphemeralIdentity } from '../../../../src/identity/index.ts'
import {
  answerHeader,
  FIRST_BYTES,
  FIRST_LIMIT,
  NEXT_PAGE,
  parseTransferRequest,
  type TransferRequest,
} from '../../../../src/registry/replication/log-transfer.ts'
import { pullLog } from '../../../../src/registry/replication/pull-log.ts'
import { serveLog } from '../../../../src/registry/replication/serve-log.ts'
import {
  carHeader,
  carSection,
  FrameCutter,
  isNamedRight,
} from '../../../../src/registry/store/car.ts'
import type { RegistryDatabase } from '../../../../src/registry/store/database.ts'
import { encodeValue, hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { LogSketch } from '../../../../src/registry/store/log-sketch.ts'
import { NameDigests } from '../../../../src/registry/store/name-digests.ts'
import { openInMemory } from '../../../support/databases.ts'
import { protocolVectors } from '../../../support/protocol-vectors.ts'
import { forgeEntry } from '../../../support/registry.ts'
import { answerOf } from '../../../support/registry-answer.ts'
import { createStreamPair } from '../../../support/registry-transport.ts'

const identity = await createEphemeralIdentity()
const signal = AbortSignal.timeout(30_000)
const PAGE_LIMIT_BYTES = 256 * 1024

const open = (t: TestContext, options: { networkName?: string; epoch?: number } = {}) =>
  openInMemory(t, identity, options)

/** @param rounds how often each record is written */
async function write(
  database: RegistryDatabase,
  records: number,
  rounds = 1,
  filler = '',
): Promise<void> {
  for (let i = 0; i < records * rounds; i += 1) {
    const localId = `i-${i % records}`
    const updated_at = '2026-01-01T00:00:00.000Z'
    const value = { ingester_id: localId, node_name: `${i}${filler}`, updated_at }
    await database.append({ op: 'PUT', key: `${identity.peerId}/${localId}`, value })
  }
}

/** What an asker gets of this answer. */
async function pull(database: RegistryDatabase, answer: Uint8Array): Promise<number> {
  const [ours, theirs] = createStreamPair('asker', 'sender')
  await theirs.send(answer, signal)
  await theirs.close(signal)
  const entrance = { receive: async () => 'rejected' as const, onJoined: async () => {} }
  return pullLog(ours, { database, orphans: null, ...entrance }, signal)
}

/** Names of the blocks of an answer, in the order in which they were sent. */
async function ask(database: RegistryDatabase, over: Partial<TransferRequest> = {}) {
  const [ours, theirs] = createStreamPair('asker', 'sender')
  const served = serveLog(theirs, () => database, signal)
  const request = { log: database.address, have: [], want: [], first: 0, ...over }
  await ours.send(encodeValue(request), signal)
  const cutter = new FrameCutter(PAGE_LIMIT_BYTES)
  const frames: Uint8Array[] = []
  const pages: number[] = []
  for await (const chunk of ours.chunks()) {
    pages.push(chunk.length)
    frames.push(...[...cutter.cut(chunk)].map((frame) => Uint8Array.from(frame)))
    await ours.send(NEXT_PAGE, signal)
  }
  cutter.end()
  await served
  const [, ...sections] = frames
  assert.ok(sections.every(isNamedRight))
  return { hashes: sections.map((section) => hashOf(section.subarray(36))), pages }
}

test('an answer is the blocks that the asker lacks, parents first, and joins to the same log', async (t) => {
  const full = (await open(t)).get('nodes')
  await write(full, 40)
  const { hashes } = await ask(full)
  assert.deepEqual(hashes, full.log.missingFrom([]))
  const empty = (await open(t)).get('nodes')
  const blocks = (await full.getBytesMany(hashes)).filter((bytes) => bytes !== undefined)
  assert.equal(await pull(empty, answerOf(full.address, blocks)), 40)
  assert.deepEqual(empty.log.heads(2), full.log.heads(2))
})

test('what counts comes first in a long log alone, as much as was asked for, in the order of the log', async (t) => {
  const database = (await open(t)).get('nodes')
  await write(database, 50, 11)
  const inOrder = database.log.missingFrom([])
  const current = inOrder.slice(-50)
  const { hashes } = await ask(database, { first: FIRST_LIMIT })
  assert.deepEqual(hashes.slice(0, 50), current)
  assert.deepEqual(hashes.slice(50), inOrder.slice(0, -50))
  const { hashes: some } = await ask(database, { first: 20 })
  assert.deepEqual(some.slice(0, 21), [...current.slice(0, 20), inOrder[0]])
  assert.deepEqual((await ask(database)).hashes, inOrder)
  const have = [inOrder[100] ?? '']
  assert.deepEqual(
    (await ask(database, { have, first: FIRST_LIMIT })).hashes,
    inOrder.slice(101),
    'a short rest comes in order',
  )
})

test('what comes first is as many bytes as an asker has room for, and what is left comes in its turn', async (t) => {
  const database = (await open(t)).get('nodes')
  await write(database, 300, 2)
  const inOrder = database.log.missingFrom([])
  const large = (hash: string) => Buffer.alloc(32 * 1024, hash)
  t.mock.method(database, 'getBytesMany', async (hashes: readonly string[]) => hashes.map(large))
  const { hashes } = await ask(database, { first: FIRST_LIMIT })
  const fitting = Math.floor(FIRST_BYTES / (32 * 1024))
  const named = (some: readonly string[]) => some.map((hash) => hashOf(large(hash)))
  assert.deepEqual(hashes.slice(0, fitting), named(inOrder.slice(300, 300 + fitting)))
  assert.deepEqual(hashes.slice(fitting, fitting + 2), named(inOrder.slice(0, 2)))
  assert.equal(hashes.length, 600)
})

test('a page has at most 256 KiB, and the next waits for a byte of the asker', async (t) => {
  const database = (await open(t)).get('nodes')
  await write(database, 120, 1, 'x'.repeat(4000))
  const { pages, hashes } = await ask(database)
  assert.equal(hashes.length, 120)
  assert.ok(pages.length >= 3 && Math.max(...pages) <= PAGE_LIMIT_BYTES, String(pages))

  const [ours, theirs] = createStreamPair('asker', 'sender')
  const served = serveLog(theirs, () => database, signal)
  const request = { log: database.address, have: [], want: [], first: 0 }
  await ours.send(encodeValue(request), signal)
  const chunks = ours.chunks()[Symbol.asyncIterator]()
  await chunks.next()
  await chunks.next()
  let isThere = false
  const third = chunks.next().then(() => {
    isThere = true
  })
  for (let i = 0; i < 50; i += 1) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isThere, false)
  await ours.send(NEXT_PAGE, signal)
  await third
  await ours.send(encodeValue(false), signal)
  await assert.rejects(served, /wants no more/)
})

describe('an answer that is not as it has to be ends the transfer', () => {
  const { bytes: block } = forgeEntry({ identity, address: '/orbitdb/x' })
  const changed = Buffer.from(carSection(block))
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
  const otherName = Buffer.from(carSection(block))
  otherName[3] = 0x55
  for (const [what, code, make] of [
    ['nothing at all', 'TRUNCATED', () => new Uint8Array()],
    ['the header of another log', 'MALFORMED', () => carHeader(hashOf(block))],
    ['a block that its name does not fit', 'MALFORMED', (h: Uint8Array) => [h, changed]],
    ['a name of another kind', 'MALFORMED', (h: Uint8Array) => [h, otherName]],
    ['no name', 'MALFORMED', (h: Uint8Array) => [h, Uint8Array.of(3, 1, 2, 3)]],
    ['half a block', 'TRUNCATED', (h: Uint8Array) => [h, carSection(block).subarray(0, 80)]],
    ['a large block', 'ITEM_TOO_LARGE', (h: Uint8Array) => [h, carSection(Buffer.alloc(8193))]],
    ['an endless length', 'MALFORMED', (h: Uint8Array) => [h, Buffer.alloc(4, 0xff)]],
  ] as const) {
    test(what, async (t) => {
      const database = (await open(t)).get('nodes')
      const made = make(answerHeader(database.address))
      const answer = made instanceof Uint8Array ? made : Buffer.concat(made)
      await assert.rejects(pull(database, answer), { name: 'FramingError', code })
      assert.equal(database.log.size, 0)
    })
  }
})

test('more blocks than one transfer may bring end it, though they are known', async (t) => {
  const database = (await open(t)).get('nodes')
  await write(database, 1)
  const [bytes = new Uint8Array()] = await database.getBytesMany(database.log.heads(1))
  const blocks = Array.from({ length: 20_001 }, () => bytes)
  await assert.rejects(pull(database, answerOf(database.address, blocks)), { code: 'TOO_MUCH' })
})

test('a request whose sketch or place is none is refused, one that has neither is a request', () => {
  const request = { log: '/orbitdb/x', have: [], want: [], first: 0 }
  const parse = (over: object) => parseTransferRequest(encodeValue({ ...request, ...over }))
  const sketch = LogSketch.of(NameDigests.of([hashOf(Uint8Array.of(2))])).encode()
  const after = hashOf(Uint8Array.of(1))
  assert.deepEqual(parse({}), { ...request, sketch: null, after: null })
  const read = parse({ sketch, after })
  assert.deepEqual([read?.sketch?.encode(), read?.after], [sketch, after])
  for (const bad of [
    { sketch: sketch.subarray(1) },
    { sketch: 'x' },
    { sketch: new Uint8Array(9000) },
  ]) {
    assert.equal(parse(bad), null)
  }
  for (const bad of [{ after: 'zdpu' }, { after: 7 }, { after: [after] }])
    assert.equal(parse(bad), null)
})

test('the request and the answer of docs/protocols.md are understood', async (t) => {
  const vectors = await protocolVectors()
  const stores = (await open(t, { networkName: 'wesense', epoch: 1476 })).get('stores')
  const request = parseTransferRequest(Buffer.from(vectors.request, 'hex'))
  const nothing = { have: [], want: [], sketch: null, after: null }
  assert.deepEqual(request, { log: stores.address, ...nothing, first: FIRST_LIMIT })
  assert.equal(await pull(stores, Buffer.from(vectors.answer, 'hex')), 1)
  assert.deepEqual(stores.log.heads(1), [vectors.hash])
  const { hashes } = await ask(stores)
  assert.deepEqual(hashes, [vectors.hash])
})
