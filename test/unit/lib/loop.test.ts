import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Loop } from '../../../src/lib/loop.ts'
import { waitFor } from '../../support/wait-for.ts'

test('a loop never overlaps itself, however often it is woken', async () => {
  let active = 0
  let most = 0
  let runs = 0
  const loop = new Loop({
    name: 'busy',
    intervalMs: 0,
    run: async () => {
      active += 1
      most = Math.max(most, active)
      await new Promise((resolve) => setImmediate(resolve))
      active -= 1
      runs += 1
    },
  })
  loop.start()
  loop.start()
  for (let i = 0; i < 10; i += 1) loop.wake()
  await waitFor(() => runs >= 5, { message: 'five runs' })
  await loop.stop()
  assert.equal(most, 1)
})

test('a run that throws is reported and the loop goes on', async () => {
  const errors: unknown[] = []
  let runs = 0
  const loop = new Loop({
    name: 'failing',
    intervalMs: 1,
    run: async () => {
      runs += 1
      throw new Error('no luck')
    },
    onError: (error) => errors.push(error),
  })
  loop.start()
  await waitFor(() => runs >= 3, { message: 'three runs' })
  await loop.stop()
  assert.ok(errors.length >= 2)
})

test('waking a loop that waits brings the next run forward', async () => {
  let runs = 0
  const loop = new Loop({
    name: 'slow',
    intervalMs: 3_600_000,
    run: async () => {
      runs += 1
    },
  })
  loop.start()
  await waitFor(() => runs === 1, { message: 'the first run' })
  await waitFor(
    () => {
      loop.wake()
      return runs >= 2
    },
    { message: 'a second run long before its time' },
  )
  await loop.stop()
})

test('a delayed loop does not run before its first interval', async () => {
  let runs = 0
  const clock = { now: () => 0, sleep: () => new Promise<void>(() => {}) }
  const loop = new Loop({
    name: 'delayed',
    intervalMs: 10,
    isDelayed: true,
    clock,
    run: async () => {
      runs += 1
    },
  })
  loop.start()
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(runs, 0)
})

test('stop aborts the run under way, waits for its end and can be called twice', async () => {
  let isEnded = false
  const loop = new Loop({
    name: 'stoppable',
    intervalMs: 10,
    run: async (signal) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      isEnded = true
    },
  })
  loop.start()
  await loop.stop()
  assert.equal(isEnded, true)
  await loop.stop()
})

test('a loop that is started again before its last run has ended does not overlap it', async () => {
  let active = 0
  let most = 0
  let runs = 0
  let release = () => {}
  const loop = new Loop({
    name: 'restarted',
    intervalMs: 0,
    run: async () => {
      runs += 1
      most = Math.max(most, ++active)
      if (runs === 1) await new Promise<void>((resolve) => (release = resolve))
      active -= 1
    },
  })
  loop.start()
  const stopped = loop.stop()
  loop.start()
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(runs, 1)
  release()
  await stopped
  await waitFor(() => runs >= 2, { message: 'the run after the second start' })
  await loop.stop()
  assert.equal(most, 1)
})

test('pauses with jitter are spread over their range, and of few lengths', async () => {
  const pauses: number[] = []
  const clock = {
    now: () => 0,
    sleep: async (ms: number) => {
      pauses.push(ms)
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
  const options = { name: 'spread', intervalMs: 100_000, jitter: 0.3, run: async () => {} }
  const loop = new Loop({ ...options, clock })
  loop.start()
  await waitFor(() => pauses.length >= 5000, { message: '5 000 pauses' })
  await loop.stop()
  assert.ok(Math.min(...pauses) >= 70_000 && Math.max(...pauses) < 130_000)
  const lengths = new Set(pauses)
  assert.ok(lengths.size > 200 && lengths.size <= 256, `${lengths.size} lengths`)
})
