import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'

import { requestStop } from '../../../../../src/network/relay/hop/stop-request.ts'
import { PEERS } from '../../fakes.ts'

const REQUEST = {
  source: peerIdFromString(PEERS[0]),
  limit: { durationSeconds: 300, dataBytes: 1_000n },
  maxOutboundStreams: 16,
}
const NEVER = new AbortController().signal

/** A connection on which opening a stream does what the test wants. */
function connectionWith(newStream: (signal: AbortSignal) => Promise<never>): Connection {
  const open = (_protocol: string, options: { signal: AbortSignal }) => newStream(options.signal)
  return { newStream: open } as unknown as Connection
}

test('a destination that does not answer is given up after eight seconds', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let isAborted = false
  const connection = connectionWith((signal) => {
    signal.addEventListener('abort', () => {
      isAborted = true
    })
    return new Promise(() => {})
  })
  const asked = requestStop(connection, REQUEST, NEVER)
  t.mock.timers.tick(7_999)
  assert.equal(isAborted, false)
  t.mock.timers.tick(1)
  assert.equal(await asked, 'destination_timeout')
  assert.ok(isAborted, 'nothing goes on behind it')
})

test('a destination that takes no stream has failed', async () => {
  const connection = connectionWith(async () => {
    throw new Error('no such protocol')
  })
  assert.equal(await requestStop(connection, REQUEST, NEVER), 'destination_failed')
})

test('a source that is gone ends the question', async () => {
  const controller = new AbortController()
  const connection = connectionWith(() => new Promise(() => {}))
  const asked = requestStop(connection, REQUEST, controller.signal)
  controller.abort(new Error('the source is gone'))
  await assert.rejects(asked, /the source is gone/)
})
