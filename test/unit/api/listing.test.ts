import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { inOrder, listBody, pick } from '../../../src/api/domain/listing.ts'
import type { JudgedEntry } from '../../../src/registry/store/entry-rules.ts'
import { RecordView } from '../../../src/registry/view.ts'
import { longestBlock } from '../../support/event-loop.ts'

const MANY = 40_000
/** Records that may be looked at, sorted or written between two turns of the event loop. */
const AT_ONCE = 1000

const items = Array.from({ length: MANY }, (_, i) => ({ id: `id-${(i * 7919) % MANY}`, i }))

const clock = { now: () => 2, sleep: async () => {} }
const newView = () =>
  new RecordView({ ownPeerId: 'own', ttlMs: 1000 }, { clock, lastSeenMs: () => null })

/** A node's record, each by an author of its own. */
function node(localId: string, source: string): JudgedEntry {
  const author = `author of ${localId}`
  const value = { ingester_id: localId, updated_at: '', source }
  const entry = {
    id: '/orbitdb/x',
    payload: { op: 'PUT', key: `${author}/${localId}`, value },
    next: [],
    refs: [],
    clock: { id: author, time: 1 },
    v: 2,
    key: author,
    identity: author,
    sig: '',
    hash: `hash of ${localId}`,
  } as const
  return { localId, bytes: new Uint8Array(), entry }
}

/** How often something is done at most without letting others run. */
function watch() {
  const seen = { atOnce: 0, most: 0 }
  return {
    seen,
    note: () => {
      if (seen.atOnce === 0) setImmediate(() => Object.assign(seen, { atOnce: 0 }))
      seen.atOnce += 1
      seen.most = Math.max(seen.most, seen.atOnce)
    },
  }
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

describe(`a list of ${MANY} records`, () => {
  it('is picked, sorted and written in slices', async (t) => {
    const [picking, sorting, writing] = [watch(), watch(), watch()]
    const started = performance.now()
    const picked = await pick(items, ({ i }) => {
      picking.note()
      return i % 2 === 0
    })
    const sorted = await inOrder(picked, ({ id }) => {
      sorting.note()
      return id
    })
    const body = listBody('nodes', sorted, (item) => {
      writing.note()
      return item
    })
    const text = await textOf(body)
    t.diagnostic(`${Math.round(performance.now() - started)} ms, ${text.length} bytes`)
    const { nodes } = JSON.parse(text)
    assert.deepEqual(
      nodes.map(({ id }: { id: string }) => id),
      picked.map(({ id }) => id).sort(),
    )
    assert.ok(picking.seen.most <= AT_ONCE)
    // Sorting a thousand compares each some ten times, two keys a time.
    assert.ok(sorting.seen.most <= 30 * AT_ONCE, `${sorting.seen.most} keys at once`)
    assert.ok(writing.seen.most <= AT_ONCE)
  })

  it('holds up others for no long time, read from a view', async (t) => {
    const view = newView()
    const filler = 'x'.repeat(200)
    for (let i = 0; i < MANY; i += 1) view.apply('nodes', node(`id-${(i * 7919) % MANY}`, filler))
    let bytes = 0
    const list = async () => {
      const picked = await pick(view.listed('nodes'), () => true)
      const sorted = await inOrder(picked, ({ localId }) => localId)
      bytes = (await textOf(listBody('nodes', sorted, ({ value }) => value))).length
    }
    const started = performance.now()
    const blocked = await longestBlock(list)
    const all = performance.now() - started
    t.diagnostic(
      `${MANY} records, ${bytes} bytes: ${all.toFixed(0)} ms, the loop held up for ${blocked.toFixed(1)} ms at most`,
    )
    assert.ok(bytes > MANY * 200)
  })

  it('of none and of one is JSON all the same', async () => {
    assert.equal(await textOf(listBody('x', await inOrder([], String), String)), '{"x":[]}')
    assert.equal(await textOf(listBody('x', [1], (n) => n)), '{"x":[1]}')
  })

  it('leaves out what is gone by the time that it is written', async () => {
    const left = (n: number) => (n % 2 === 1 ? n : null)
    assert.equal(await textOf(listBody('x', [0, 1, 2, 3, 4], left)), '{"x":[1,3]}')
    const many = Array.from({ length: 3000 }, (_, i) => (i === 2500 ? 1 : 0))
    assert.equal(await textOf(listBody('x', many, left)), '{"x":[1]}')
  })

  it('shows a record that changes meanwhile, and misses none that stays', async () => {
    const map = new Map(items.map((item) => [item.id, item]))
    setImmediate(() => {
      map.delete('id-0')
      map.set('new', { id: 'new', i: 0 })
    })
    const picked = await pick(map.values(), () => true)
    assert.ok(picked.length >= MANY)
  })
})
