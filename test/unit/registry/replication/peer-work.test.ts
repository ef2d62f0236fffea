import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { systemClock } from '../../../../src/lib/clock.ts'
import type { PeerRank } from '../../../../src/registry/replication/peer-conduct.ts'
import { PeerWork, type PeerWorkOptions } from '../../../../src/registry/replication/peer-work.ts'
import { waitFor } from '../../../support/wait-for.ts'

interface Job {
  readonly name: string
  finish(): void
}

function startWork(t: TestContext, over: Partial<PeerWorkOptions> = {}) {
  const jobs: Job[] = []
  let ended = 0
  const work = new PeerWork(
    { concurrency: 2, waitingLimit: 3, intervalMs: 0, ...over },
    {
      run: async (peerId, subject, signal) => {
        await new Promise<void>((resolve) => {
          jobs.push({ name: `${peerId} ${subject}`, finish: resolve })
          signal.addEventListener('abort', () => resolve())
        })
        ended += 1
      },
    },
  )
  work.start()
  t.after(() => work.stop())
  const started = (count: number) =>
    waitFor(() => jobs.length === count, { message: `${count} jobs started` })
  return { work, jobs, started, ended: () => ended }
}

test('jobs run at once up to the limit, and the next begins when one ends', async (t) => {
  const { work, jobs, started } = startWork(t)
  for (const peer of ['A', 'B', 'C']) work.request(peer, 'log')
  await started(2)
  assert.equal(work.waitingCount, 1)
  jobs[0]?.finish()
  await started(3)
})

test('a job that waits is not doubled, and one in flight is not overlapped', async (t) => {
  const { work, jobs, started } = startWork(t)
  work.request('A', 'log')
  work.request('A', 'log')
  await started(1)
  work.request('A', 'log')
  work.request('B', 'log')
  await started(2)
  assert.deepEqual(
    jobs.map(({ name }) => name),
    ['A log', 'B log'],
  )
  jobs[0]?.finish()
  await started(3)
  assert.equal(jobs[2]?.name, 'A log')
})

test('more than may wait is dropped', async (t) => {
  const { work, started } = startWork(t, { concurrency: 1 })
  work.request('A', 'log')
  await started(1)
  for (const peer of ['B', 'C', 'D', 'E', 'F']) work.request(peer, 'log')
  assert.equal(work.waitingCount, 3)
})

test('the same peer is asked again only after the interval', async (t) => {
  const { work, jobs, started } = startWork(t, { intervalMs: 400 })
  const askedMs = performance.now()
  work.request('A', 'log')
  await started(1)
  jobs[0]?.finish()
  work.request('A', 'log')
  await started(2)
  assert.ok(performance.now() - askedMs >= 395)
})

test('nor sooner when many others were asked meanwhile', async (t) => {
  const { work, jobs, started } = startWork(t, { intervalMs: 400 })
  const askedMs = performance.now()
  for (const [n, peer] of ['A', 'B', 'C', 'D', 'E'].entries()) {
    work.request(peer, 'log')
    await started(n + 1)
    jobs[n]?.finish()
  }
  work.request('A', 'log')
  await started(6)
  assert.equal(jobs[5]?.name, 'A log')
  assert.ok(performance.now() - askedMs >= 395)
})

test('stopping aborts what runs and takes nothing new', async (t) => {
  const { work, started, ended } = startWork(t)
  work.request('A', 'log')
  await started(1)
  await work.stop()
  assert.equal(ended(), 1)
  work.request('B', 'log')
  assert.equal(work.waitingCount, 0)
})

function startRanked(
  t: TestContext,
  rankOf: (peerId: string) => PeerRank,
  over: Partial<PeerWorkOptions> = {},
) {
  const begun: string[] = []
  const ends: (() => void)[] = []
  const work = new PeerWork(
    { concurrency: 4, waitingLimit: 100, intervalMs: 0, ...over },
    {
      conduct: { rankOf, notBeforeMs: (peerId) => (peerId === 'excluded' ? Infinity : 0) },
      run: (peerId, _, signal) => {
        begun.push(peerId)
        return new Promise((resolve) => {
          ends.push(resolve)
          signal.addEventListener('abort', () => resolve())
        })
      },
    },
  )
  work.start()
  t.after(() => work.stop())
  return { work, begun, end: (job: number) => ends[job]?.() }
}

test('silent strangers, however many, leave half of all places to peers that answered', async (t) => {
  const { work, begun } = startRanked(t, (peerId) => (peerId === 'good' ? 'proven' : 'unknown'))
  for (let i = 0; i < 20; i += 1) work.request(`stranger-${i}`, 'log')
  await waitFor(() => begun.length === 2, { message: 'two strangers' })
  work.request('good', 'log')
  work.request('good', 'other log')
  await waitFor(() => begun.length === 4, { message: 'both jobs with the good peer' })
  assert.deepEqual(begun.slice(2), ['good', 'good'])
})

test('peers that stalled go last, have one place together, and wait their time', async (t) => {
  const ranks: Record<string, PeerRank> = { good: 'proven', new: 'unknown' }
  const { work, begun } = startRanked(t, (peerId) => ranks[peerId] ?? 'stalled')
  for (const peer of ['excluded', 'bad-1', 'bad-2', 'new', 'good']) work.request(peer, 'log')
  await waitFor(() => begun.length === 3, { message: 'one of each kind' })
  assert.deepEqual(begun, ['good', 'new', 'bad-1'])
  assert.equal(work.waitingCount, 2)
})

test('peers of one rank take turns, however many jobs one has', async (t) => {
  const { work, jobs, started } = startWork(t, { concurrency: 8, waitingLimit: 200 })
  for (let log = 0; log < 12; log += 1) {
    for (let i = 0; i < 8; i += 1) work.request(`slow-${i}`, `log-${log}`)
  }
  work.request('honest', 'log')
  await started(7)
  jobs[0]?.finish()
  await started(8)
  jobs[1]?.finish()
  await started(9)
  assert.ok(
    jobs.slice(7, 9).some(({ name }) => name === 'honest log'),
    jobs.at(-1)?.name,
  )
})

test('one peer has two jobs at once and sixteen that wait, and others the rest', async (t) => {
  const { work, jobs, started } = startWork(t, { concurrency: 8, waitingLimit: 200 })
  for (let log = 0; log < 2; log += 1) work.request('A', `log-${log}`)
  await started(2)
  const taken = Array.from({ length: 20 }, (_, log) => work.request('A', `more-${log}`))
  assert.equal(taken.filter(Boolean).length, 16)
  assert.equal(work.waitingCount, 16)
  work.request('B', 'log')
  await started(3)
  assert.equal(jobs[2]?.name, 'B log')
  jobs[0]?.finish()
  await started(4)
  assert.equal(work.waitingCount, 15)
  assert.equal(work.request('A', 'again'), true)
  assert.equal(work.request('A', 'once more'), false)
})

test('where all wait that may, a peer that answered takes the place of one that stalled, and begins', async (t) => {
  const ranks: Record<string, PeerRank> = { good: 'proven' }
  const rankOf = (peerId: string) => ranks[peerId] ?? 'stalled'
  const { work, begun } = startRanked(t, rankOf, { waitingLimit: 10 })
  work.request('bad', 'log')
  await waitFor(() => begun.length === 1, { message: 'one of those that stalled' })
  for (let i = 0; i < 10; i += 1) assert.equal(work.request(`bad-${i}`, 'log'), true)
  assert.equal(work.request('bad-10', 'log'), false)
  assert.equal(work.request('good', 'log'), true)
  assert.equal(work.waitingCount, 10)
  await waitFor(() => begun.length === 2, { message: 'the good one' })
  assert.equal(begun[1], 'good')
  assert.equal(work.waitingCount, 9)
})

test('what waits of a peer that stalls meanwhile makes room for one not known', async (t) => {
  const ranks: Record<string, PeerRank> = { bad: 'stalled' }
  const rankOf = (peerId: string) => ranks[peerId] ?? 'unknown'
  const { work, begun, end } = startRanked(t, rankOf, { waitingLimit: 1 })
  for (const [n, peer] of ['bad', 'slow'].entries()) {
    work.request(peer, 'log')
    await waitFor(() => begun.length === n + 1, { message: `${peer} to have its turn` })
  }
  assert.equal(work.request('slow', 'other log'), true)
  assert.equal(work.request('new', 'log'), false)
  ranks.slow = 'stalled'
  end(1)
  await waitFor(() => work.request('new', 'log'), { message: 'a place for the new one' })
  await waitFor(() => begun.length === 3, { message: 'the new one to have its turn' })
  assert.equal(begun[2], 'new')
  assert.equal(work.waitingCount, 0)
})

test('asking for what has no place yet is not looking at all that waits', async (t) => {
  const asked: string[] = []
  const rankOf = (peerId: string): PeerRank => {
    asked.push(peerId)
    return 'unknown'
  }
  const { work, begun } = startRanked(t, rankOf, { waitingLimit: 1000 })
  for (let i = 0; i < 502; i += 1) work.request(`stranger-${i}`, 'log')
  await waitFor(() => begun.length === 2, { message: 'two strangers' })
  await nextTurn()
  asked.length = 0
  for (let i = 0; i < 100; i += 1) {
    work.request(`stranger-${i}`, 'log')
    await nextTurn()
  }
  // Once or twice for each that is asked for, and for all in the few turns that come by themselves.
  assert.ok(asked.length < 10_000, `${asked.length} looked at`)
})

test('a place is left to a peer that is not known yet', async (t) => {
  const { work, begun } = startRanked(t, (peerId) => (peerId === 'new' ? 'unknown' : 'proven'))
  for (let i = 0; i < 8; i += 1) work.request(`proven-${i}`, 'log')
  await waitFor(() => begun.length === 3, { message: 'three of the proven' })
  work.request('new', 'log')
  await waitFor(() => begun.length === 4, { message: 'the new one' })
  assert.equal(begun[3], 'new')
})

test('a clock that is set back by hours holds up no job', async (t) => {
  let nowMs = 1_000_000_000
  const jobs: string[] = []
  const work = new PeerWork(
    { concurrency: 2, waitingLimit: 3, intervalMs: 2000 },
    {
      clock: { now: () => nowMs, sleep: systemClock.sleep },
      run: async (peerId) => void jobs.push(peerId),
    },
  )
  work.start()
  t.after(() => work.stop())
  work.request('A', 'log')
  await waitFor(() => jobs.length === 1, { message: 'the first job' })
  work.request('B', 'log', 60_000)
  nowMs -= 7_200_000
  work.request('A', 'log')
  await waitFor(() => jobs.length === 3, { timeoutMs: 2000, message: 'all jobs' })
  assert.deepEqual(jobs.toSorted(), ['A', 'A', 'B'])
})

test('what a peer came with itself is not done again before the interval', async (t) => {
  const { work, jobs, started } = startWork(t, { concurrency: 1, intervalMs: 60_000 })
  work.request('A', 'log')
  await started(1)
  work.request('B', 'log')
  work.request('B', 'other')
  work.noteDone('B', 'log')
  work.noteDone('C', 'log')
  assert.equal(work.waitingCount, 1)
  work.request('C', 'log')
  work.request('D', 'log')
  jobs[0]?.finish()
  await started(2)
  jobs[1]?.finish()
  await started(3)
  assert.deepEqual(
    jobs.map(({ name }) => name),
    ['A log', 'B other', 'D log'],
  )
})
