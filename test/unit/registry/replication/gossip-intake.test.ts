import assert from 'node:assert/strict'
import { test } from 'node:test'

import { GossipBudget } from '../../../../src/registry/replication/gossip-budget.ts'
import {
  GossipIntake,
  type GossipIntakeComponents,
} from '../../../../src/registry/replication/gossip-intake.ts'

const HELD = Buffer.from([1])
const NEW = Buffer.from([2])
/** The most that the network reads of one peer. */
const FULL_RATE = 300

/** An intake of a log that holds one entry, by a clock of its own, and a minute of messages. */
function lab() {
  const clock = { nowMs: 0, now: () => clock.nowMs }
  let judged = 0
  const offences: string[] = []
  const intake = new GossipIntake({
    database: {
      options: { name: 'nodes' },
      holds: (bytes: Uint8Array) => HELD.equals(bytes),
      judge: () => {
        judged += 1
        return { isAccepted: true, entry: { hash: 'new' } }
      },
    },
    budget: new GossipBudget(clock, (peerId) => peerId.startsWith('known')),
    conduct: { offend: (peerId: string, offence: string) => offences.push(`${peerId} ${offence}`) },
    metrics: { gossipSkipped: () => {} },
    requestSync: () => {},
  } as unknown as GossipIntakeComponents)
  const tell = (peerId: string, bytes: Uint8Array) => intake.validate(peerId, bytes) === 'accept'

  /** Tells at these rates a second, and says how many entries of each were accepted in the last half minute. */
  const aMinute = (
    tellers: readonly { peerId: string; bytes: Uint8Array; perSecond: number }[],
  ) => {
    const accepted = Object.fromEntries(tellers.map(({ peerId }) => [peerId, 0]))
    for (; clock.nowMs < 60_000; clock.nowMs += 10) {
      for (const { peerId, bytes, perSecond } of tellers) {
        const due = Math.floor(((clock.nowMs + 10) * perSecond) / 1000)
        for (let i = Math.floor((clock.nowMs * perSecond) / 1000); i < due; i++) {
          const isAccepted = tell(peerId, bytes)
          if (isAccepted && clock.nowMs >= 30_000) accepted[peerId] = (accepted[peerId] ?? 0) + 1
        }
      }
    }
    return accepted
  }
  return { aMinute, offences, judged: () => judged }
}

const strangers = (count: number, bytes: Uint8Array, perSecond: number) =>
  Array.from({ length: count }, (_, i) => ({ peerId: `stranger ${i}`, bytes, perSecond }))

test('an entry that is held, told again and again, keeps nothing new out and is not judged', () => {
  const { aMinute, offences, judged } = lab()
  const accepted = aMinute([
    ...strangers(4, HELD, FULL_RATE),
    { peerId: 'known station', bytes: NEW, perSecond: 40 },
    { peerId: 'quiet stranger', bytes: NEW, perSecond: 40 },
  ])
  assert.equal(accepted['known station'], 30 * 40)
  assert.equal(accepted['quiet stranger'], 30 * 40)
  assert.equal(judged(), 2 * 60 * 40)
  assert.deepEqual(offences, [])
})

test('strangers that tell all they may leave known stations their part', () => {
  const { aMinute } = lab()
  const accepted = aMinute([
    ...strangers(8, NEW, FULL_RATE),
    { peerId: 'known station', bytes: NEW, perSecond: 40 },
    { peerId: 'known neighbour', bytes: NEW, perSecond: 40 },
  ])
  assert.equal(accepted['known station'], 30 * 40)
  assert.equal(accepted['known neighbour'], 30 * 40)
  const ofStrangers = Object.entries(accepted)
    .filter(([peerId]) => peerId.startsWith('stranger'))
    .reduce((sum, [, count]) => sum + count, 0)
  assert.ok(ofStrangers > 29 * 100 && ofStrangers <= 31 * 100, `${ofStrangers}`)
})
