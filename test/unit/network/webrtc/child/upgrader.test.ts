import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { yamux } from '@chainsafe/libp2p-yamux'

import { StreamMemory } from '../../../../../src/network/guards/stream-memory.ts'
import { type MuxerLimits, muxerLimits } from '../../../../../src/network/guards/yamux-limits.ts'
import { hostLimits } from '../../../../../src/network/limits.ts'
import { createChildUpgrader } from '../../../../../src/network/webrtc/child/upgrader.ts'
import { FLAG, FRAME, frameOf } from '../../../../support/muxer-attacker.ts'
import { watchUncaught } from '../../../../support/uncaught.ts'
import { waitFor } from '../../../../support/wait-for.ts'
import { OPENING, pipeEnds } from '../../../../support/webrtc-pipe.ts'
import { settle } from '../../fakes.ts'

/** A browser whose connection is offered to the node. */
async function offered(t: TestContext, limits: Partial<MuxerLimits> = {}) {
  const uncaught = watchUncaught(t)
  const { child, nodePipe, opened } = pipeEnds()
  const muxers = yamux({ enableKeepAlive: false })()
  const memory = new StreamMemory({ ...muxerLimits(hostLimits(512)), ...limits })
  const cuts: string[] = []
  const onCut = (reason: string) => void cuts.push(reason)
  const upgrader = createChildUpgrader({
    pipe: child,
    muxers,
    memory,
    upgradeTimeoutMs: 5_000,
    onCut,
  })
  const remote = new FakeRemote()
  const peerMuxer = new FakeMuxer()
  const made: FakeMuxer[] = []
  const createStreamMuxer = () => {
    made.push(peerMuxer)
    return peerMuxer
  }
  const options = {
    muxerFactory: { createStreamMuxer },
    remotePeer: OPENING.remotePeer,
    signal: new AbortController().signal,
  }
  type Arguments = Parameters<typeof upgrader.upgradeInbound>
  const upgrade = () => upgrader.upgradeInbound(...([remote, options] as unknown as Arguments))
  const begin = async () => {
    const begun = upgrade()
    const { connection } = await waitFor(() => opened[0], { message: 'the node hears of it' })
    return { begun, atNode: connection }
  }
  return {
    uncaught,
    child,
    nodePipe,
    opened,
    remote,
    peerMuxer,
    made,
    memory,
    cuts,
    upgrade,
    begin,
  }
}

/** A browser whose connection the node keeps. */
async function upgraded(t: TestContext, limits?: Partial<MuxerLimits>) {
  const { uncaught, child, nodePipe, remote, peerMuxer, memory, cuts, begin } = await offered(
    t,
    limits,
  )
  const { begun, atNode } = await begin()
  atNode.accept()
  await begun
  /** The node reads nothing more, and a stream of this connection waits for it, as others do. */
  const fill = async () => {
    nodePipe.pause()
    child.open(OPENING).send(new Uint8Array(1_000_000))
    peerMuxer.begin()
    await settle()
    peerMuxer.begin()
    await settle()
  }
  return { uncaught, nodePipe, remote, peerMuxer, memory, cuts, atNode, fill }
}

describe('a connection that is over by the time that it would begin', () => {
  for (const how of ['aborts', 'closes'] as const) {
    it(`is let go of: the node ${how} it with the word that keeps it`, async (t) => {
      const { nodePipe, remote, made, begin } = await offered(t)
      const { begun, atNode } = await begin()
      // In one chunk of the pipe.
      const sent: Buffer[] = []
      const write = nodePipe.write
      nodePipe.write = (bytes: Buffer) => sent.push(Buffer.from(bytes)) > 0
      atNode.accept()
      if (how === 'aborts') atNode.abort(new Error('another one needs the place'))
      else await atNode.close()
      nodePipe.write = write
      nodePipe.write(Buffer.concat(sent))
      await assert.rejects(begun, { code: 'STREAM_REFUSED' })
      assert.deepEqual(made, [])
      assert.equal(remote.status, how === 'aborts' ? 'aborted' : 'closed')
    })
  }

  it('is not offered to the node: its browser left before', async (t) => {
    const { opened, remote, made, upgrade } = await offered(t)
    remote.leave()
    await assert.rejects(upgrade(), { code: 'STREAM_REFUSED' })
    await settle()
    assert.deepEqual([opened, made], [[], []])
  })
})

describe('a browser that leaves in order while the pipe to the node is full', () => {
  it('is reset by the node meanwhile, and the process goes on', async (t) => {
    const { uncaught, remote, atNode, fill } = await upgraded(t)
    await fill()
    remote.leave()
    atNode.abort(new Error('enough'))
    await settle()
    assert.deepEqual(uncaught, [])
  })

  it('is asked by the node whether it is there, and the process goes on', async (t) => {
    const { uncaught, remote, atNode, fill } = await upgraded(t)
    await fill()
    remote.leave()
    atNode.send(frameOf({ type: FRAME.ping, flag: FLAG.syn }))
    await settle()
    assert.deepEqual(uncaught, [])
  })

  it('is closed at the node when that reads on', async (t) => {
    const { uncaught, nodePipe, remote, atNode, fill } = await upgraded(t)
    await fill()
    remote.leave()
    nodePipe.resume()
    await waitFor(() => atNode.status === 'closed', { message: 'the node hears of its end' })
    assert.deepEqual(uncaught, [])
  })
})

it('a stream that begins in the moment of its connection’s end ends nothing else', async (t) => {
  const { uncaught, remote, peerMuxer } = await upgraded(t)
  peerMuxer.begin()
  remote.leave()
  await settle()
  assert.deepEqual(uncaught, [])
})

it('a connection to a browser that cannot be closed in order is aborted', async (t) => {
  const { uncaught, remote, atNode } = await upgraded(t)
  remote.close = () => Promise.reject(new Error('not now'))
  await atNode.close()
  await waitFor(() => remote.abortedWith, { message: 'it is aborted' })
  assert.match(String(remote.abortedWith), /not now/)
  assert.deepEqual(uncaught, [])
})

it('a connection whose bytes wait for the node is cut, and that is told once', async (t) => {
  const { remote, peerMuxer, memory, cuts } = await upgraded(t, { heldBytes: 1_000_000 })
  const stream = peerMuxer.begin()
  await settle()
  for (let sent = 0; sent < 2_000_000; sent += 50_000) stream.say(new Uint8Array(50_000))
  assert.deepEqual(cuts, [])
  memory.count()
  memory.count()
  assert.deepEqual(cuts, ['held-bytes'])
  assert.equal(remote.status, 'aborted')
})

/** As much of a connection to a browser as the upgrader uses. */
class FakeRemote extends EventTarget {
  readonly remoteAddr = OPENING.remoteAddr
  status = 'open'
  abortedWith: Error | null = null
  close = async () => {
    this.status = 'closed'
  }

  abort(error: Error): void {
    this.status = 'aborted'
    this.abortedWith = error
  }

  leave(): void {
    this.status = 'closed'
    this.dispatchEvent(new Event('close'))
  }
}

/** The browser's muxer: its streams say nothing. */
class FakeMuxer extends EventTarget {
  begin() {
    const stream = Object.assign(new EventTarget(), {
      status: 'open',
      readStatus: 'readable',
      remoteWriteStatus: 'writable',
      readBufferLength: 0,
      writableNeedsDrain: false,
      pause() {},
      abort() {},
      close: async () => {},
    })
    this.dispatchEvent(new CustomEvent('stream', { detail: stream }))
    const say = (data: Uint8Array) =>
      void stream.dispatchEvent(Object.assign(new Event('message'), { data }))
    return { say }
  }
}
