import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { yamux } from '@chainsafe/libp2p-yamux'
import type { MessageStream, Stream, StreamMuxer } from '@libp2p/interface'

import { StreamMemory } from '../../../../src/network/guards/stream-memory.ts'
import { Turns } from '../../../../src/network/guards/turns.ts'
import { withConduct } from '../../../../src/network/guards/yamux-conduct.ts'
import { muxerLimits } from '../../../../src/network/guards/yamux-limits.ts'
import { hostLimits } from '../../../../src/network/limits.ts'
import { quietLog } from '../../../../src/network/quiet-log.ts'
import { FLAG, FRAME, frameOf } from '../../../support/muxer-attacker.ts'
import { watchUncaught } from '../../../support/uncaught.ts'
import { settle } from '../fakes.ts'

function guarded(connection: FakeConnection) {
  const cuts: string[] = []
  const limits = { ...muxerLimits(hostLimits(512)), unreadAnswers: 0 }
  const conduct = { memory: new StreamMemory(limits), turns: new Turns() }
  const factory = withConduct(yamux({ enableKeepAlive: false }), limits, conduct, (reason) => {
    cuts.push(reason)
  })
  const muxer = factory().createStreamMuxer(connection as unknown as MessageStream)
  return { muxer, cuts }
}

async function openStream(muxer: StreamMuxer): Promise<Stream> {
  const stream = await muxer.createStream()
  await settle()
  return stream
}

describe('a frame of the muxer’s own', () => {
  it('that is one too many for its peer ends the connection and not the process', async (t) => {
    const uncaught = watchUncaught(t)
    const connection = new FakeConnection()
    const { muxer, cuts } = guarded(connection)
    connection.writableNeedsDrain = true
    const stream = await openStream(muxer)
    assert.deepEqual(cuts, ['unread-answers'])
    assert.equal(connection.status, 'aborted')
    assert.equal(stream.status, 'closed')
    assert.deepEqual(uncaught, [])
  })

  it('is left out when the connection is gone', async () => {
    const connection = new FakeConnection()
    const { muxer } = guarded(connection)
    const stream = await openStream(muxer)
    connection.isGone = true
    connection.receive(frameOf({ type: FRAME.ping, flag: FLAG.syn }))
    assert.equal(muxer.status, 'open', 'the end of the connection is what ends it')
    assert.throws(() => stream.send(Uint8Array.of(1)), /gone/, 'who sends bytes is told')
  })
})

/** As much of an encrypted connection as a muxer uses. */
class FakeConnection extends EventTarget {
  readonly log = quietLog.forComponent('test')
  readonly direction = 'outbound'
  status = 'open'
  writableNeedsDrain = false
  /** The socket takes nothing more, and nobody has told of it yet. */
  isGone = false

  send(): boolean {
    if (this.isGone) this.status = 'aborted'
    if (this.status !== 'open') throw new Error('the connection is gone')
    return !this.writableNeedsDrain
  }

  abort(): void {
    this.status = 'aborted'
    this.dispatchEvent(new Event('close'))
  }

  receive(data: Uint8Array): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data }))
  }
}
