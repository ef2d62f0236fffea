import assert from 'node:assert/strict'
import { test } from 'node:test'

import { PageBook } from '../../../src/client/page-book.ts'

const RECORD = { peerId: 'page', seq: 1n, relays: ['a', 'b'], hasWebRtc: false }

test('a page is there as long as one node says so that it names itself', () => {
  const book = new PageBook()
  assert.ok(!book.note('c', RECORD))
  assert.ok(book.note('a', RECORD))
  assert.ok(!book.note('a', RECORD))
  assert.ok(book.note('b', RECORD))
  assert.deepEqual([...(book.get('page')?.relays ?? [])], ['a', 'b'])
  assert.ok(!book.noteGone('c', 'page'))
  assert.ok(book.noteGone('a', 'page'))
  assert.deepEqual(book.forgetRelay('b'), ['page'])
  assert.equal(book.get('page'), null)
})

test('the latest word of a page counts, whoever passes it on', () => {
  const book = new PageBook()
  book.note('a', { ...RECORD, seq: 2n, hasWebRtc: true })
  book.note('b', RECORD)
  assert.equal(book.get('page')?.hasWebRtc, true)
  assert.ok(book.note('a', { ...RECORD, seq: 3n }))
  assert.equal(book.get('page')?.hasWebRtc, false)
})

test('256 pages are remembered, whatever nodes tell, and 64 of them of one', () => {
  const book = new PageBook()
  const relays = ['a', 'b', 'c', 'd', 'e']
  for (const relay of relays) {
    for (let n = 0; n < 100; n++) book.note(relay, { ...RECORD, relays, peerId: `${relay} ${n}` })
    assert.equal(book.all().length, Math.min(256, 64 * (relays.indexOf(relay) + 1)))
  }
  assert.ok(book.note('e', { ...RECORD, relays, peerId: 'a 0' }))
})
