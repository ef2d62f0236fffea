import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MultiaddrConnection, Stream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'

import { StreamMemory } from '../../../../src/network/guards/stream-memory.ts'
import { Turns } from '../../../../src/network/guards/turns.ts'
import { muxerLimits } from '../../../../src/network/guards/yamux-limits.ts'
import { hostLimits } from '../../../../src/network/limits.ts'
import { guardMuxer } from '../../../../src/network/webrtc/muxer-guard.ts'
import { waitFor } from '../../../support/wait-for.ts'

const HOST_LIMITS = hostLimits(512)
const LIMITS = { ...muxerLimits(HOST_LIMITS), ...HOST_LIMITS.webRtc }

/** A muxer as @libp2p/webrtc has it, whose streams cost 2 ms to begin. */
class FakeMuxer {
  readonly streams: Stream[] = []
  readonly begun: Stream[] = []

  onRemoteStream(stream: Stream): void {
    this.streams.push(stream)
    this.safeDispatchEvent('stream', { detail: stream })
  }

  onCreateStream(): Promise<Stream> {
    return Promise.resolve(streamWith())
  }

  safeDispatchEvent(_type: string, { detail }: { readonly detail: Stream }): void {
    const untilMs = performance.now() + 2
    while (performance.now() < untilMs);
    this.begun.push(detail)
  }
}

function streamWith(bufferedAmount = 0): Stream {
  const stream = {
    id: '1',
    status: 'open',
    direction: 'inbound',
    protocol: '',
    readBufferLength: 0,
    readBuffer: new Uint8ArrayList(),
    writeBufferLength: 0,
    channel: { bufferedAmount },
    send: () => true,
    dispatchEvent: () => true,
    abort: () => Object.assign(stream, { status: 'aborted' }),
  }
  return stream as unknown as Stream
}

function guarded() {
  const muxer = new FakeMuxer()
  const memory = new StreamMemory(LIMITS)
  const cuts: string[] = []
  const connection = new EventTarget() as unknown as MultiaddrConnection
  const guard = { upgraded: () => {}, cut: (reason: string) => cuts.push(reason) }
  guardMuxer(muxer, connection, guard, { limits: LIMITS, conduct: { memory, turns: new Turns() } })
  return { muxer, memory, cuts }
}

test('channels that were opened at once begin as streams in several turns', async () => {
  const { muxer } = guarded()
  for (let count = 0; count < 30; count++) muxer.onRemoteStream(streamWith())
  assert.ok(muxer.begun.length < 10, `${muxer.begun.length} in the first turn`)
  await waitFor(() => muxer.begun.length === 30, { message: 'all of them to begin' })
  assert.deepEqual(muxer.begun, muxer.streams)
})

test('one more stream than a peer may have open is none of the muxer', () => {
  const { muxer } = guarded()
  const streams = Array.from({ length: LIMITS.maxInboundStreams + 1 }, () => streamWith())
  for (const stream of streams) muxer.onRemoteStream(stream)
  assert.equal(muxer.streams.length, LIMITS.maxInboundStreams)
  assert.equal(streams.at(-1)?.status, 'aborted')
})

test('what a peer leaves unread in the native library counts as held', () => {
  const { muxer, memory, cuts } = guarded()
  const share = LIMITS.heldBytes / 10
  for (let count = 0; count < 10; count++) muxer.onRemoteStream(streamWith(share))
  memory.count()
  assert.deepEqual(cuts, [])
  muxer.onRemoteStream(streamWith(share))
  memory.count()
  assert.deepEqual(cuts, ['held-bytes'])
})
