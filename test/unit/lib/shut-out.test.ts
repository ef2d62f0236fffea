import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ShutOut } from '../../../src/lib/shut-out.ts'

function shutOut() {
  const time = { ms: 0 }
  return { time, subject: new ShutOut({ ms: 100, limit: 3, clock: { now: () => time.ms } }) }
}

test('who is shut out may come again after its time, which begins anew with each time', () => {
  const { time, subject } = shutOut()
  assert.equal(subject.has('a'), false)
  subject.add('a')
  time.ms = 99
  assert.deepEqual([subject.has('a'), subject.has('b')], [true, false])
  subject.add('a')
  time.ms = 198
  assert.equal(subject.has('a'), true)
  time.ms = 199
  assert.equal(subject.has('a'), false)
})

test('a clock that is set back shuts nobody out for ever, and of many the first are forgotten', () => {
  const { time, subject } = shutOut()
  time.ms = 1_000_000
  subject.add('a')
  time.ms = 0
  assert.equal(subject.has('a'), false)
  for (const key of ['b', 'c', 'd', 'e']) subject.add(key)
  assert.deepEqual([subject.has('b'), subject.has('e')], [false, true])
})
