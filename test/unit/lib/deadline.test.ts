import assert from 'node:assert/strict'
import { test } from 'node:test'

import { DeadlineError, withDeadline } from '../../../src/lib/deadline.ts'

test('work that ends in time returns its value', async () => {
  assert.equal(await withDeadline(async () => 7, { ms: 1000, label: 'quick work' }), 7)
})

test('work that ignores its signal still ends at the deadline, by name', async () => {
  await assert.rejects(
    withDeadline(() => new Promise<never>(() => {}), { ms: 10, label: 'stuck work' }),
    (error) => error instanceof DeadlineError && error.code === 'DEADLINE' && error.ms === 10,
  )
})

test('work is told of the deadline through its signal', async () => {
  let reason: unknown
  const work = (signal: AbortSignal) =>
    new Promise<never>(() => signal.addEventListener('abort', () => (reason = signal.reason)))
  await assert.rejects(withDeadline(work, { ms: 10, label: 'work' }))
  assert.ok(reason instanceof DeadlineError)
})

test('an outer signal ends the work with its own reason', async () => {
  const outer = new AbortController()
  const running = withDeadline(() => new Promise<never>(() => {}), {
    ms: 10_000,
    label: 'work',
    signal: outer.signal,
  })
  outer.abort(new Error('stopping'))
  await assert.rejects(running, /stopping/)
})

test('an outer signal that is aborted already starts no work', async () => {
  let isStarted = false
  const work = async () => {
    isStarted = true
  }
  const options = { ms: 10, label: 'work', signal: AbortSignal.abort(new Error('over')) }
  await assert.rejects(withDeadline(work, options), /over/)
  assert.equal(isStarted, false)
})
