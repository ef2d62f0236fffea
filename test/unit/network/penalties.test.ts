import assert from 'node:assert/strict'
import { test } from 'node:test'

import { PeerPenalties } from '../../../src/network/penalties.ts'
import { silentLogger } from '../../../src/telemetry/index.ts'

const MINUTE_MS = 60_000

function makePenalties() {
  let nowMs = 1_000_000_000
  const hungUp: string[] = []
  const counted: string[] = []
  const lines: unknown[] = []
  const penalties = new PeerPenalties({
    hangUp: (peerId) => void hungUp.push(peerId),
    metrics: { peerShunned: (offence) => void counted.push(offence) },
    logger: { ...silentLogger, warn: (fields: object) => void lines.push(fields) },
    clock: { now: () => nowMs, sleep: async () => {} },
  })
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { penalties, hungUp, counted, lines, pass }
}

test('points fade by half in ten minutes, and a peer that stays below 100 keeps its place', () => {
  const { penalties, hungUp, pass } = makePenalties()
  penalties.report('A', 'broken_rule', 80)
  pass(10 * MINUTE_MS)
  assert.equal(penalties.penaltyOf('A'), 40)
  penalties.report('A', 'broken_rule', 20)
  assert.equal(penalties.penaltyOf('A'), 60)
  assert.deepEqual(hungUp, [])
  assert.equal(penalties.isShunned('A'), false)
  assert.equal(penalties.penaltyOf('B'), 0)
})

test('at 100 points a peer is disconnected once, told of once, and shunned for a minute', () => {
  const { penalties, hungUp, counted, lines, pass } = makePenalties()
  for (let i = 0; i < 12; i += 1) penalties.report('A', 'flood', 10)
  assert.deepEqual(hungUp, ['A'])
  assert.deepEqual(counted, ['flood'])
  assert.deepEqual(lines, [{ peer: 'A', offence: 'flood', seconds: 60 }])
  assert.ok(penalties.isShunned('A'))
  pass(MINUTE_MS)
  assert.equal(penalties.isShunned('A'), false)
})

test('each time takes twice as long, up to four hours, until a day has gone well', () => {
  const { penalties, lines, pass } = makePenalties()
  const shun = () => penalties.report('A', 'endless', 100)
  const seconds = () => lines.map((line) => (line as { seconds: number }).seconds)
  for (let i = 0; i < 10; i += 1) {
    shun()
    pass(4 * 60 * MINUTE_MS)
  }
  const doubled = [60, 120, 240, 480, 960, 1920, 3840, 7680, 14_400, 14_400]
  assert.deepEqual(seconds(), doubled)
  pass(25 * 60 * MINUTE_MS)
  shun()
  assert.equal(seconds().at(-1), 60)
})

test('gossip forgives one mistake and graylists a peer that is about to be shunned', () => {
  const { penalties } = makePenalties()
  penalties.report('A', 'broken_rule', 20)
  assert.equal(penalties.gossipScoreOf('A'), 0)
  penalties.report('A', 'broken_rule', 79)
  // Times gossip's weight of 10, its graylist threshold being -80.
  assert.ok(penalties.gossipScoreOf('A') * 10 < -75)
})

test('a wall clock that jumps back neither adds nor removes points', () => {
  const { penalties, pass } = makePenalties()
  penalties.report('A', 'flood', 40)
  pass(-60 * MINUTE_MS)
  assert.equal(penalties.penaltyOf('A'), 40)
})
