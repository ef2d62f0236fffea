import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createEphemeralIdentity } from '../../../../src/identity/index.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { nodeSchema } from '../../../../src/registry/records/node.ts'
import { hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { EntryJudge } from '../../../../src/registry/store/entry-judge.ts'
import { forgeEntry } from '../../../support/registry.ts'

const ADDRESS = '/orbitdb/zdpuAkWZcMAdsFT231qEBLEPi84Z2uXSh3CCUDufhroWhzcHk'
const identity = await createEphemeralIdentity()

test('the same bytes cost a hash, and a bounded number of verdicts is kept with their entries', () => {
  const judge = newJudge()
  const first = forged(0)
  const verdict = judge.judge(first)
  assert.ok(verdict.isAccepted)
  for (let n = 1; n < 128; n += 1) {
    assert.ok(judge.judge(forged(n)).isAccepted)
    assert.equal(judge.judge(first), verdict, `after ${n} others`)
  }
  for (let n = 128; n < 256; n += 1) judge.judge(forged(n))
  const again = judge.judge(first)
  assert.notEqual(again, verdict)
  assert.deepEqual(again, verdict)
})

test('what is refused for good is remembered, what may be taken later is judged again', () => {
  let isAdmitted = false
  const judge = newJudge(() => isAdmitted)
  const bytes = forged(1)
  assert.deepEqual(judge.judge(bytes), { isAccepted: false, reason: 'no-room', isTemporary: true })
  isAdmitted = true
  assert.ok(judge.judge(bytes).isAccepted)
  const bad = forgeEntry({ identity, address: '/orbitdb/other', ...signedAt(2) }).bytes
  const refused = judge.judge(bad)
  assert.ok(!refused.isAccepted && !refused.isTemporary)
  assert.equal(judge.judge(bad), refused)
})

test('an accepted entry does not keep the frame that it came in', () => {
  const frame = Buffer.alloc(1_000_000)
  const bytes = forged(1)
  frame.set(bytes, 1000)
  const verdict = newJudge().judge(frame.subarray(1000, 1000 + bytes.length))
  assert.ok(verdict.isAccepted)
  assert.equal(verdict.bytes.buffer.byteLength, bytes.length)
})

test('an entry ahead of our clock costs a hash until it is time for it', async () => {
  let nowMs = Date.now()
  const judge = newJudge(() => true, { ...systemClock, now: () => nowMs })
  const early = forged(nowMs + 3_600_000)
  const hash = hashOf(early)
  const refused = { isAccepted: false, reason: 'clock-ahead', isTemporary: true }
  assert.equal(judge.isJudged(hash), false)
  assert.deepEqual(await judge.judgeMany([early]), [refused])
  assert.equal(judge.isJudged(hash), true)
  assert.deepEqual(judge.judge(early), refused)
  nowMs += 3_600_000
  assert.equal(judge.isJudged(hash), false)
  assert.ok(judge.judge(early).isAccepted)
  assert.equal(judge.isJudged(hash), true)
})

function newJudge(isAdmitted: () => boolean = () => true, clock = systemClock): EntryJudge {
  return new EntryJudge(
    { address: ADDRESS, schema: nodeSchema },
    { clock, isJoined: () => false, isAdmitted },
  )
}

function forged(n: number): Uint8Array {
  return forgeEntry({ identity, address: ADDRESS, ...signedAt(n + 1) }).bytes
}

function signedAt(time: number) {
  return {
    value: { ingester_id: 'ingester-1', updated_at: '2026-01-01T00:00:00.000Z' },
    signed: { clock: { id: identity.peerId, time } },
  }
}
