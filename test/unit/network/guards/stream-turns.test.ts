import assert from 'node:assert/strict'
import { test } from 'node:test'

import { beginInTurns } from '../../../../src/network/guards/stream-turns.ts'
import { Turns } from '../../../../src/network/guards/turns.ts'
import { waitFor } from '../../../support/wait-for.ts'

/** A muxer whose streams cost so many ms to begin. */
function guarded(costMs: number) {
  const begun: number[] = []
  const muxer = {
    safeDispatchEvent: (_type: string, { detail }: { detail: { id: number } }) => {
      const untilMs = performance.now() + costMs
      while (performance.now() < untilMs);
      begun.push(detail.id)
      return true
    },
  }
  beginInTurns(muxer, new Turns())
  const streams = Array.from({ length: 40 }, (_, id) => ({ id, status: 'open' }))
  const openAll = () => {
    for (const detail of streams) muxer.safeDispatchEvent('stream', { detail })
  }
  return { begun, streams, openAll, muxer }
}

test('streams that came at once begin in several turns, in their order', async () => {
  const { begun, streams, openAll } = guarded(2)
  openAll()
  assert.ok(begun.length < 10, `${begun.length} in the first turn`)
  await waitFor(() => begun.length === streams.length, { message: 'all of them to begin' })
  assert.deepEqual(
    begun,
    streams.map(({ id }) => id),
  )
})

test('one that was reset before its turn never begins', async () => {
  const { begun, streams, openAll, muxer } = guarded(2)
  openAll()
  const soFar = [...begun]
  for (const stream of streams) stream.status = 'reset'
  const last = { id: streams.length, status: 'open' }
  muxer.safeDispatchEvent('stream', { detail: last })
  await waitFor(() => begun.includes(last.id), { message: 'the one behind them to begin' })
  assert.deepEqual(begun, [...soFar, last.id])
})

test('what is no stream waits for nobody', () => {
  const { begun, openAll, muxer } = guarded(2)
  openAll()
  muxer.safeDispatchEvent('close', { detail: { id: -1 } })
  assert.equal(begun.at(-1), -1)
})
