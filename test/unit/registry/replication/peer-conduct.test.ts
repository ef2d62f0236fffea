import assert from 'node:assert/strict'
import { test } from 'node:test'

import { DeadlineError } from '../../../../src/lib/deadline.ts'
import { FramingError } from '../../../../src/registry/replication/framing.ts'
import {
  isCutShort,
  isSlow,
  PeerConduct,
} from '../../../../src/registry/replication/peer-conduct.ts'

function makeConduct() {
  let nowMs = 1_000_000
  const reports: [string, string, number][] = []
  const counted: string[] = []
  const conduct = new PeerConduct({
    transport: {
      report: (...report) => void reports.push(report),
      penaltyOf: () => reports.reduce((sum, [, , points]) => sum + points, 0),
    },
    metrics: { penalty: (offence) => void counted.push(offence) },
    clock: { now: () => nowMs },
  })
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { conduct, reports, counted, pass, now: () => nowMs }
}

const late = () => new DeadlineError('an exchange', 4000)

test('an offence is counted and told to the network', () => {
  const { conduct, reports, counted } = makeConduct()
  conduct.offend('A', 'broken_rule')
  assert.deepEqual(reports, [['A', 'broken_rule', 20]])
  assert.deepEqual(counted, ['broken_rule'])
  assert.equal(conduct.penaltyOf('A'), 20)
})

test('a peer that lets us wait goes last and is left alone longer each time, without an offence', () => {
  const { conduct, reports, now } = makeConduct()
  assert.equal(conduct.rankOf('A'), 'unknown')
  conduct.failed('A', late())
  assert.equal(conduct.rankOf('A'), 'stalled')
  const first = conduct.notBeforeMs('A') - now()
  assert.ok(first >= 4000 && first <= 6000, `waits ${first} ms`)
  conduct.failed('A', late())
  assert.ok(conduct.notBeforeMs('A') - now() >= 8000)
  assert.deepEqual(reports, [])
  conduct.answered('A')
  assert.equal(conduct.rankOf('A'), 'proven')
  assert.equal(conduct.notBeforeMs('A'), 0)
})

test('a peer is not left alone for hours because the clock was set back', () => {
  const { conduct, pass } = makeConduct()
  conduct.failed('A', late())
  pass(-3_600_000)
  assert.equal(conduct.notBeforeMs('A'), 0)
})

test('a peer that never answers collects too few points to be shunned for it', () => {
  const { conduct, reports, pass, now } = makeConduct()
  const startedMs = now()
  while (now() - startedMs < 24 * 3_600_000) {
    conduct.failed('A', late())
    pass(Math.max(15_000, conduct.notBeforeMs('A') - now()))
  }
  // Points halve every ten minutes; at most 3 in each 240 s make 12 in the long run.
  assert.ok(reports.every(([, , points]) => points === 3))
  assert.ok(reports.length < (24 * 3_600_000) / 240_000 + 1, `${reports.length} points`)
})

test('what is no fault of the peer is not held against it', () => {
  const { conduct, reports } = makeConduct()
  conduct.failed('A', new Error('the stream was reset'))
  conduct.failed('A', new FramingError('TRUNCATED'))
  conduct.failedToUs('A', late())
  assert.deepEqual(reports, [])
  assert.equal(conduct.rankOf('A'), 'unknown')
})

test('a stream outside its limits is an offence whoever opened it', () => {
  const { conduct, counted } = makeConduct()
  conduct.failed('A', new FramingError('TOO_MUCH'))
  conduct.failedToUs('A', new FramingError('ITEM_TOO_LARGE'))
  conduct.failedToUs('A', new FramingError('MALFORMED'))
  assert.deepEqual(counted, ['endless', 'broken_framing', 'broken_framing'])
})

test('a slow peer goes last, by no longer wait each time and without an offence', () => {
  const { conduct, reports, now, pass } = makeConduct()
  for (let i = 0; i < 10; i += 1) {
    conduct.wasSlow('A')
    assert.equal(conduct.rankOf('A'), 'stalled')
    assert.equal(conduct.notBeforeMs('A') - now(), 5000)
    pass(5000)
  }
  assert.deepEqual(reports, [])
  for (let i = 0; i < 3; i += 1) conduct.failed('A', late())
  const notBeforeMs = conduct.notBeforeMs('A')
  conduct.wasSlow('A')
  assert.equal(conduct.notBeforeMs('A'), notBeforeMs, 'nor is a longer wait made shorter')
})

test('who brings little in a long time is slow, by entries and by bytes', () => {
  assert.equal(isSlow({ entries: 0, bytes: 0 }, 9000), false)
  assert.equal(isSlow({ entries: 0, bytes: 0 }, 10_000), true)
  assert.equal(isSlow({ entries: 99, bytes: 65_535 }, 60_000), true)
  assert.equal(isSlow({ entries: 100, bytes: 0 }, 60_000), false)
  assert.equal(isSlow({ entries: 10, bytes: 65_536 }, 60_000), false)
})

test('a long or slow log that brings entries is no offence, and one that brings none is', () => {
  assert.equal(isCutShort(late(), 1), true)
  assert.equal(isCutShort(late(), 0), false)
  assert.equal(isCutShort(new FramingError('TOO_MUCH'), 20_000), true)
  assert.equal(isCutShort(new FramingError('TOO_MUCH'), 10), false)
  assert.equal(isCutShort(new FramingError('MALFORMED'), 20_000), false)
})
