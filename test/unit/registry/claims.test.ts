import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'

import fc from 'fast-check'

import { AttestationIndex } from '../../../src/registry/attestation-index.ts'
import { AuthorIds } from '../../../src/registry/author-ids.ts'
import { Changes } from '../../../src/registry/changes.ts'
import { Claims } from '../../../src/registry/claims.ts'
import type { JudgedEntry } from '../../../src/registry/store/entry-rules.ts'
import type { AttestationRecord, RecordValue, RegistryRecord } from '../../../src/registry/types.ts'

function judged(author: string, localId: string, time: number, isDeleted = false): JudgedEntry {
  const key = `${author}/${localId}`
  const value = isDeleted ? null : ({} as RecordValue)
  return {
    localId,
    bytes: new Uint8Array(),
    entry: {
      id: '/orbitdb/x',
      payload: { op: isDeleted ? 'DEL' : 'PUT', key, value },
      next: [],
      refs: [],
      clock: { id: author, time },
      v: 2,
      key: author,
      identity: author,
      sig: '',
      hash: `${key}@${time}`,
    },
  }
}

const keysOf = (claims: Claims) => [...claims.all()].map(({ record }) => record?.key).sort()

describe('the keys of one author', () => {
  it('are bounded: which are kept does not depend on the order in which they come', () => {
    const ids = fc.uniqueArray(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(ids, (order) => {
        const claims = new Claims('nodes', 8)
        for (const id of order) claims.apply(judged('A', `id-${id}`, 1), 1)
        const kept = order
          .map((id) => `A/id-${id}`)
          .sort()
          .slice(0, 8)
        assert.deepEqual(keysOf(claims), kept)
        assert.equal(claims.recordCount, kept.length)
        assert.equal(claims.keyCountOf('A'), kept.length)
      }),
    )
  })

  it('are bounded so with thousands of keys as well, in whatever order and with some deleted between', () => {
    const names = Array.from({ length: 1500 }, (_, i) => `id-${i}`)
    const seeds = fc.integer({ min: 1, max: 1499 })
    fc.assert(
      fc.property(seeds, (step) => {
        const ids = new AuthorIds(600)
        const order = [...names].sort().reverse()
        const shuffled = step % 2 === 0 ? order : names.map((_, i) => names[(i * 7 + step) % 1500])
        for (const id of shuffled) if (id !== undefined) ids.add(id)
        ids.delete('id-10')
        ids.add('id-10')
        assert.equal(ids.size, 600)
        const expected = [...names].sort()
        assert.equal(ids.add('id-zzz'), 'id-zzz')
        assert.equal(ids.add('a'), expected[599])
        assert.equal(ids.add('b'), expected[598])
      }),
      { numRuns: 20 },
    )
  })

  it('take no room from those of others, and tell which was dropped', () => {
    const claims = new Claims('nodes', 2)
    for (const id of ['b', 'c']) assert.equal(claims.apply(judged('A', id, 1), 1).dropped, null)
    assert.deepEqual(claims.apply(judged('A', 'd', 1), 1), {
      current: null,
      isChanged: false,
      dropped: 'd',
    })
    assert.equal(claims.apply(judged('A', 'a', 1), 1).dropped, 'c')
    assert.equal(claims.apply(judged('A', 'b', 2), 1).dropped, null, 'a known key is renewed')
    assert.ok(claims.apply(judged('B', 'z', 1), 1).current)
    assert.deepEqual(keysOf(claims), ['A/a', 'A/b', 'B/z'])
  })

  it('have room again when the epoch of others is closed, deleted ones counting till then', async () => {
    const claims = new Claims('nodes', 2)
    claims.apply(judged('A', 'a', 1), 1)
    claims.apply(judged('A', 'b', 1), 1)
    claims.apply(judged('A', 'b', 2, true), 1)
    assert.equal(claims.recordCount, 1)
    assert.equal(claims.apply(judged('A', 'c', 3), 2).dropped, 'c')
    await claims.closeEpoch(1)
    assert.equal(claims.recordCount, 0)
    assert.equal(claims.keyCountOf('A'), 0)
    assert.ok(claims.apply(judged('A', 'c', 3), 2).current)
  })
})

describe('changes', () => {
  it('are told since any revision that is not too long ago', () => {
    const changes = new Changes()
    assert.equal(changes.since(-1), null, 'who never asked looks at everything')
    const note = (localId: string, author = 'A') => changes.note({ localId, author })
    for (const id of ['a', 'b', 'a']) note(id)
    assert.deepEqual(changes.since(1), ['b', 'a'])
    assert.deepEqual(changes.since(changes.revision), [])
    const before = changes.revision
    changes.noteMany()
    assert.equal(changes.since(before), null)
    note('c')
    assert.deepEqual(changes.since(before + 1), ['c'])
    for (let i = 0; i < 20_000; i += 1) note(`${i}`)
    assert.equal(changes.since(before + 1), null)
    assert.equal(changes.since(changes.revision - 4000)?.length, 4000)
    const last = changes.revision
    for (const [id, author] of [
      ['a', 'A'],
      ['b', 'A'],
      ['a', 'B'],
      ['a', 'A'],
    ] as const)
      note(id, author)
    assert.deepEqual(
      changes.claimsSince(last),
      new Map([
        ['a', new Set(['A', 'B'])],
        ['b', new Set(['A'])],
      ]),
    )
    assert.equal(changes.claimsSince(before), null)
  })
})

test('an epoch in which thousands claim one local id is closed some claims at a time', async () => {
  const claims = new Claims('nodes')
  for (let i = 0; i < 20_000; i += 1) claims.apply(judged(`A${i}`, 'i', 1), 1)
  let turns = 0
  const count = () => {
    turns += 1
    if (claims.recordCount > 0) setImmediate(count)
  }
  setImmediate(count)
  assert.equal(await claims.closeEpoch(1), true)
  assert.equal(claims.recordCount, 0)
  assert.ok(turns >= 9, `${turns} turns of the event loop`)
})

describe('what is only shown before it joins', () => {
  it('takes no room from what is in a log', async () => {
    const claims = new Claims('nodes', 2)
    for (const id of ['a', 'b']) claims.apply(judged('A', id, 1), -1)
    assert.equal(claims.apply(judged('A', 'c', 1), 1).dropped, null)
    await claims.closeEpoch(-1)
    assert.deepEqual(keysOf(claims), ['A/c'])
    assert.equal(claims.keyCountOf('A'), 1)
  })

  it('counts as a key of its author from when it joins to when its epoch ends', async () => {
    const claims = new Claims('nodes', 1)
    claims.apply(judged('A', 'b', 1), -1)
    assert.equal(claims.keyCountOf('A'), 0)
    claims.apply(judged('A', 'b', 1), 1)
    assert.equal(claims.keyCountOf('A'), 1)
    assert.equal(claims.apply(judged('A', 'c', 1), 1).dropped, 'c')
    await claims.closeEpoch(1)
    assert.equal(claims.keyCountOf('A'), 0)
    assert.deepEqual(keysOf(claims), ['A/b'], 'it is offered still')
    assert.equal(claims.apply(judged('A', 'c', 1), 2).dropped, null)
    await claims.closeEpoch(-1)
    assert.deepEqual(keysOf(claims), ['A/c'])
  })

  it('ends with the offer when it joins and its author has no room for it', async () => {
    const claims = new Claims('nodes', 1)
    claims.apply(judged('A', 'a', 1), 1)
    claims.apply(judged('A', 'b', 1), -1)
    assert.equal(claims.apply(judged('A', 'b', 1), 1).dropped, 'b')
    await claims.closeEpoch(-1)
    assert.deepEqual(keysOf(claims), ['A/a'])
  })
})

test('an index of attestations keeps nothing of those that are gone', () => {
  const index = new AttestationIndex()
  for (const hash of ['m', 'n']) {
    const value = { manifest_hash: hash }
    index.note({ localId: `${hash}:i`, value } as RegistryRecord<AttestationRecord>)
  }
  index.forget('m', 'm:i')
  index.forget('o', 'o:i')
  assert.deepEqual([...index.of('m')], [])
  assert.deepEqual([...index.of('n')], ['n:i'])
})
