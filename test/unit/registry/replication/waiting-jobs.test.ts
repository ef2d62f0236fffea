import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import type { PeerRank } from '../../../../src/registry/replication/peer-conduct.ts'
import { WaitingJobs } from '../../../../src/registry/replication/waiting-jobs.ts'

function createJobs(limit: number, ranks: Record<string, PeerRank> = {}) {
  const jobs = new WaitingJobs({ limit, rankOf: (peerId) => ranks[peerId] ?? 'unknown' })
  const add = (peerId: string, subject: string) =>
    jobs.set(`${peerId} ${subject}`, { peerId, subject, dueMs: 0 })
  const keys = () => [...jobs.entries()].map(([key]) => key)
  return { jobs, add, keys }
}

test('a job takes the place of the youngest of a worse peer that has most, the worst rank first', () => {
  const { add, keys } = createJobs(6, { good: 'proven', 'bad-1': 'stalled', 'bad-2': 'stalled' })
  for (const log of ['a', 'b']) for (const peer of ['new', 'bad-1']) add(peer, log)
  add('new', 'c')
  add('bad-2', 'a')
  assert.equal(add('good', 'a'), true)
  assert.deepEqual(keys(), ['new a', 'bad-1 a', 'new b', 'new c', 'bad-2 a', 'good a'])
  for (const log of ['b', 'c', 'd']) assert.equal(add('good', log), true)
  assert.deepEqual(keys(), ['new a', 'new b', 'good a', 'good b', 'good c', 'good d'])
  assert.equal(add('bad-1', 'a'), false)
})

test('of its own rank it takes the place of a peer that has more, so that all have as many', () => {
  const { add, keys } = createJobs(4, { good: 'proven' })
  for (const log of ['a', 'b', 'c']) add('many', log)
  add('good', 'a')
  assert.equal(add('few', 'a'), true)
  assert.deepEqual(keys(), ['many a', 'many b', 'good a', 'few a'])
  assert.equal(add('few', 'b'), false)
  assert.equal(add('many', 'c'), false)
})

test('a job that waits is replaced in its place, and one that is out makes room', () => {
  const { jobs, add, keys } = createJobs(2)
  for (const peer of ['a', 'b']) add(peer, 'log')
  assert.equal(jobs.set('a log', { peerId: 'a', subject: 'log', dueMs: 7 }), true)
  assert.equal(jobs.get('a log')?.dueMs, 7)
  assert.deepEqual(keys(), ['a log', 'b log'])
  assert.equal(add('c', 'log'), false)
  jobs.delete('a log')
  jobs.delete('a log')
  assert.equal(add('c', 'log'), true)
  assert.deepEqual(keys(), ['b log', 'c log'])
  jobs.clear()
  assert.equal(jobs.size, 0)
  for (const peer of ['d', 'e']) assert.equal(add(peer, 'log'), true)
})

const RANKS = ['proven', 'unknown', 'stalled'] as const
const LIMIT = 12
const step = fc.record({
  act: fc.constantFrom('set', 'set', 'set', 'delete', 'rank'),
  peerId: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  subject: fc.integer({ min: 0, max: 19 }).map(String),
  rank: fc.constantFrom(...RANKS),
})

test('who makes room is the right one after any steps', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const ranks: Record<string, PeerRank> = {}
      const rankOf = (peerId: string) => ranks[peerId] ?? 'unknown'
      const { jobs, add, keys } = createJobs(LIMIT, ranks)
      for (const { act, peerId, subject, rank } of steps) {
        const before = keys()
        const of = (peer: string) => before.filter((key) => key.startsWith(`${peer} `))
        const key = `${peerId} ${subject}`
        if (act === 'rank') {
          ranks[peerId] = rank
          jobs.recount(peerId)
        } else if (act === 'delete') {
          jobs.delete(key)
          assert.deepEqual(
            keys(),
            before.filter((one) => one !== key),
          )
        } else {
          const isTaken = add(peerId, subject)
          const out = before.filter((one) => !keys().includes(one))
          assert.equal(jobs.get(key) !== undefined, isTaken)
          if (before.includes(key) || before.length < LIMIT) {
            assert.ok(isTaken && out.length === 0)
            continue
          }
          const owners = [...new Set(before.map((one) => one.split(' ')[0] ?? ''))]
          const worst = Math.max(...owners.map((one) => RANKS.indexOf(rankOf(one))))
          const ofWorst = owners.filter((one) => RANKS.indexOf(rankOf(one)) === worst)
          const most = Math.max(...ofWorst.map((one) => of(one).length))
          const own = RANKS.indexOf(rankOf(peerId))
          assert.equal(isTaken, own < worst || (own === worst && of(peerId).length + 1 < most))
          assert.equal(out.length, isTaken ? 1 : 0)
          const [victim = ''] = out
          const isRight = ofWorst.some(
            (one) => of(one).length === most && of(one).at(-1) === victim,
          )
          assert.ok(!isTaken || isRight, victim)
        }
      }
    }),
  )
})
