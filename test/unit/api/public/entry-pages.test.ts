import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'

import { EntryPages } from '../../../../src/api/public/entry-pages.ts'
import type { RecordValue, RegistryRecord } from '../../../../src/registry/types.ts'
import { readEntriesPage, type SignedEntriesPage } from '../../../../src/wire/signed-entries.ts'
import { OWN_PEER_ID } from '../../../support/api.ts'
import { longestBlock } from '../../../support/event-loop.ts'
import { waitFor } from '../../../support/wait-for.ts'

/** A registry of so many nodes with entries of so many bytes, and what it was asked for. */
function registry(count: number, bytes = 400) {
  const state = { revision: 1, listings: 0, read: 0, nowMs: 0, reading: 0, mostReading: 0 }
  const ids = Array.from({ length: count }, (_, i) => `node-${(i * 7919) % count}`)
  const view = {
    revision: () => state.revision,
    *listed<T extends RecordValue>() {
      state.listings += 1
      for (const id of ids) yield recordOf(id) as RegistryRecord<T>
    },
  }
  const entriesOf = async (hashes: readonly string[]) => {
    state.reading += 1
    state.mostReading = Math.max(state.mostReading, state.reading)
    await new Promise((resolve) => setTimeout(resolve, 1))
    state.reading -= 1
    state.read += hashes.length
    return hashes.map((hash) => (hash.endsWith('-lost') ? null : entryOf(hash, bytes)))
  }
  const clock = { now: () => state.nowMs }
  return { state, ids, pages: new EntryPages('wesense', { view, entriesOf, clock }) }
}

function recordOf(localId: string): RegistryRecord {
  const entryHash = localId === 'node-3' ? 'node-3-lost' : localId
  return {
    database: 'nodes',
    key: `${OWN_PEER_ID}/${localId}`,
    author: OWN_PEER_ID,
    localId,
    value: { ingester_id: localId, updated_at: '2026-01-01T00:00:00.000Z' },
    clockMs: 1,
    entryHash,
  }
}

function entryOf(hash: string, bytes: number): Uint8Array {
  const entry = Buffer.alloc(bytes, createHash('sha256').update(hash).digest())
  entry.write(`${hash} `)
  return entry
}

function read(body: Uint8Array): SignedEntriesPage {
  const page = readEntriesPage(JSON.parse(Buffer.from(body).toString()))
  assert.ok(page !== null)
  return page
}

async function nextOf(pages: EntryPages, after: string | null): Promise<string> {
  const { next } = read((await pages.page(after)).body)
  assert.ok(next !== null)
  return next
}

async function readAll(pages: EntryPages): Promise<SignedEntriesPage[]> {
  const all: SignedEntriesPage[] = []
  for (let after: string | null = null; ; ) {
    const page = read((await pages.page(after)).body)
    all.push(page)
    after = page.next
    if (after === null) return all
  }
}

describe('the signed entries in pages', () => {
  it('are all there, once each, in an order that does not change', async () => {
    const { pages, ids } = registry(1_203)
    const all = await readAll(pages)
    assert.deepEqual(
      all.map(({ entries }) => entries.length),
      [499, 500, 203],
    )
    const names = all.flatMap(({ entries }) =>
      entries.map(
        (entry) => /^node-\d+/.exec(Buffer.from(entry, 'base64').toString('latin1'))?.[0],
      ),
    )
    // One block is not here.
    assert.deepEqual(new Set(names), new Set(ids.filter((id) => id !== 'node-3')))
    assert.equal(names.length, 1_202)
  })

  it('are made once for all who ask, and again when there is news', async () => {
    const { pages, state } = registry(600)
    const [one, two] = await Promise.all([pages.page(null), pages.page(null)])
    assert.equal(one, two)
    assert.equal(state.read, 500)
    state.revision += 1
    assert.equal(await pages.page(null), one, 'not at once: news may come every moment')
    state.nowMs += 5_000
    const third = await pages.page(null)
    assert.equal(state.listings, 2)
    assert.notEqual(third, one)
    assert.equal(third.etag, one.etag, 'the same page has the same tag')
  })

  it('lists anew after five minutes without news, since records fall out of the list', async () => {
    const { pages, state } = registry(10)
    await pages.page(null)
    state.nowMs += 299_000
    await pages.page(null)
    assert.equal(state.listings, 1)
    state.nowMs += 1_000
    await pages.page(null)
    assert.equal(state.listings, 2)
  })

  it('go on after an ID that is gone meanwhile', async () => {
    const { pages } = registry(20)
    const { entries } = read((await pages.page('node-18a')).body)
    // node-19, and by code unit node-2 to node-9 but for the lost node-3.
    assert.equal(entries.length, 8)
    assert.deepEqual(read((await pages.page('zzz')).body).entries, [])
  })

  it('end early where records are as large as they may be', async () => {
    const { pages } = registry(600, 8_192)
    const all = await readAll(pages)
    assert.ok(all.length > 4, `${all.length} pages`)
    assert.equal(all.flatMap(({ entries }) => entries).length, 599)
    const { body } = await pages.page(null)
    assert.ok(body.length < 1_700_000, `${body.length} bytes`)
  })

  it('are made two at a time, whatever strangers ask for', async () => {
    const { pages, state, ids } = registry(2_000)
    await Promise.allSettled(ids.slice(0, 60).map((id) => pages.page(id)))
    assert.ok(state.mostReading <= 2, `${state.mostReading} at a time`)
  })

  it('wait for those alone that readers are led to, whatever strangers ask for', async () => {
    const { pages, state, ids } = registry(10_000)
    await pages.page(null)
    state.read = 0
    const asked = Array.from({ length: 400 }, (_, i) => ids[200 + i * 20] ?? '')
    let answered = 0
    const strangers = Promise.allSettled(
      asked.map(async (id) => {
        await pages.page(id)
        answered += 1
      }),
    )
    const all = await readAll(pages)
    assert.equal(all.length, 20)
    // Of theirs no more than one goes before each of the reader's.
    assert.ok(state.read < 2 * 10_000, `${state.read} entries were read`)
    const refused = (await strangers).filter(({ status }) => status === 'rejected')
    assert.deepEqual([answered, refused.length], [18, 382])
    assert.ok(refused.every((one) => 'reason' in one && one.reason.code === 'NOT_READY'))
  })

  it('are kept when a page led to them, and others are not', async () => {
    const { pages, state } = registry(2_000)
    await pages.page('node-1002')
    await pages.page('node-1002')
    assert.equal(state.read, 1_000)
    await readAll(pages)
    state.read = 0
    await readAll(pages)
    assert.equal(state.read, 0)
  })

  it('lead a reader on when the list is made again meanwhile', async () => {
    const { pages, state, ids } = registry(3_000)
    const third = await nextOf(pages, await nextOf(pages, null))
    ids.push('a-new-one')
    state.revision += 1
    state.nowMs += 5_000
    const asked = Array.from({ length: 60 }, (_, i) => ids[200 + i * 20] ?? '')
    const strangers = Promise.allSettled(asked.map((id) => pages.page(id)))
    const fourth = await nextOf(pages, third)
    await nextOf(pages, fourth)
    const refused = (await strangers).filter(({ status }) => status === 'rejected')
    assert.equal(refused.length, 42, 'strangers asked for more than wait')
    state.read = 0
    for (const after of [third, fourth, third]) await pages.page(after)
    assert.equal(state.read, 0, 'both are kept')
  })

  it('lead on and are kept too when a stranger was first to ask', async () => {
    const { pages, state } = registry(2_000)
    const second = await nextOf(registry(2_000).pages, null)
    const first = pages.page(null)
    await waitFor(() => state.read >= 100, { message: 'a part of the first page' })
    await Promise.all([first, pages.page(second)])
    state.read = 0
    const third = await nextOf(pages, second)
    assert.equal(state.read, 0)
    await pages.page(third)
    await pages.page(third)
    assert.equal(state.read, 500)
  })

  it('lead on from the last 128 places that were told, however often the list is made again', async () => {
    const { pages, state, ids } = registry(250, 8_192)
    const told: string[] = []
    for (let i = 0; i < 129; i += 1) {
      // Before all others: each page ends at another record.
      ids.push(`a-${999 - i}`)
      state.revision += 1
      state.nowMs += 5_000
      told.push(await nextOf(pages, null))
    }
    assert.equal(new Set(told).size, 129)
    const isKept = async (after: string) => {
      await pages.page(after)
      state.read = 0
      await pages.page(after)
      return state.read === 0
    }
    assert.equal(await isKept(told[0] ?? ''), false)
    assert.equal(await isKept(told[1] ?? ''), true)
  })

  it('of 10 000 records hold up nothing else for more than 20 ms', async (t) => {
    await readAll(registry(2_000).pages)
    const { pages } = registry(10_000)
    const longestMs = await longestBlock(() => readAll(pages))
    t.diagnostic(`longest ${longestMs.toFixed(1)} ms`)
    assert.ok(longestMs < 20, `${longestMs} ms`)
  })
})
