import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { Connection, Stream } from '@libp2p/interface'

import type { Host } from '../../src/network/host.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { longestBlock } from '../support/event-loop.ts'
import { concat } from '../support/fuzz/payloads.ts'
import { lineOf } from '../support/muxer-attacker.ts'
import { waitFor } from '../support/wait-for.ts'
import {
  attackOverWebRtc,
  type BrowserChannel,
  exitAnyway,
  isSettled,
  messageOf,
  peerConnectionOf,
  unlessClosed,
} from '../support/webrtc-attacker.ts'

const HALF_A_GIGABYTE = hostLimits(512)
/** Much less than a negotiation has. */
const AT_ONCE = { timeoutMs: 2_000 }
/** Of a message. */
const MOST_BYTES = 16 * 1024
/** Of the thread's own time: unguarded it is 2 s and more. */
const FREE_MS = 150

/** Opens channels, and asks for a protocol on each. */
function open(connection: Connection, protocol: string, count = 1): BrowserChannel[] {
  return Array.from({ length: count }, () => {
    const channel = peerConnectionOf(connection).createDataChannel('')
    const lines = ['/multistream/1.0.0', protocol].map(lineOf)
    const propose = () => unlessClosed(() => channel.send(messageOf(concat(...lines))))
    channel.addEventListener('open', propose)
    return channel
  })
}

async function isSpoken(host: Host, protocol: string, count: number): Promise<readonly Stream[]> {
  return waitFor(
    () => {
      const [connection] = host.libp2p.getConnections()
      const found = connection?.streams.filter((stream) => stream.protocol === protocol) ?? []
      return found.length >= count && found
    },
    { message: `${count} streams of ${protocol}` },
  )
}

describe('a connection is cut', { timeout: 60_000 }, () => {
  it('when channels are opened on it without end', async (t) => {
    const { isCut, dial } = await attackOverWebRtc(t, HALF_A_GIGABYTE)
    const connection = await dial()
    for (let count = 0; count < 400; count++) {
      unlessClosed(() => peerConnectionOf(connection).createDataChannel(''))
    }
    await waitFor(() => connection.status !== 'open', { message: 'it is gone' })
    await isCut('streams')
    assert.equal((await dial()).status, 'open')
  })

  it('when many of its streams are filled that nobody reads', async (t) => {
    const { host, isCut, dial } = await attackOverWebRtc(t, HALF_A_GIGABYTE)
    await host.libp2p.handle('/test/mute', () => {}, { maxInboundStreams: 100 })
    const connection = await dial()
    const channels = open(connection, '/test/mute', 30)
    await isSpoken(host, '/test/mute', 30)
    const bytes = messageOf(new Uint8Array(MOST_BYTES - 16))
    // Less on each than ends a stream.
    for (let count = 0; count < 100 && connection.status === 'open'; count++) {
      for (const channel of channels) unlessClosed(() => channel.send(bytes))
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await waitFor(() => connection.status !== 'open', { message: 'it is gone' })
    await isCut('held-bytes')
  })
})

describe('a stream', { timeout: 60_000 }, () => {
  after(exitAnyway)

  it('beyond those that a peer may have open is reset', async (t) => {
    const { host, dial } = await attackOverWebRtc(t, HALF_A_GIGABYTE)
    const most = HALF_A_GIGABYTE.webRtc.maxInboundStreams
    await host.libp2p.handle('/test/mute', () => {}, { maxInboundStreams: 200 })
    const connection = await dial()
    const channels = open(connection, '/test/mute', 2 * most)
    const closed = () => channels.filter(({ readyState }) => readyState === 'closed').length
    await waitFor(() => closed() >= most, { message: 'half of them are closed' })
    assert.ok((await isSpoken(host, '/test/mute', most - 8)).length <= most)
    assert.equal(connection.status, 'open')
  })

  it('on which protocols are proposed without end is reset', async (t) => {
    const { dial } = await attackOverWebRtc(t, HALF_A_GIGABYTE)
    const connection = await dial()
    const [channel] = open(connection, 'x')
    assert.ok(channel)
    await isSettled(channel)
    for (let count = 0; count < 200; count++) {
      unlessClosed(() => channel.send(messageOf(lineOf('proposed without end'))))
    }
    // The negotiation has five seconds.
    await waitFor(() => channel.readyState === 'closed', { message: 'it is gone', ...AT_ONCE })
    assert.equal(connection.status, 'open')
  })

  it('of our own that is answered with a length without an end is reset, and holds up nobody', async (t) => {
    const { host, dial } = await attackOverWebRtc(t, HALF_A_GIGABYTE)
    const connection = await dial()
    const bytes = messageOf(new Uint8Array(MOST_BYTES - 16).fill(0x80))
    let channel: BrowserChannel | undefined
    peerConnectionOf(connection).ondatachannel = (event) => {
      channel = event.channel
      for (let count = 0; count < 16; count++) unlessClosed(() => event.channel.send(bytes))
    }
    const [theirs] = host.libp2p.getConnections()
    assert.ok(theirs)
    const worstMs = await longestBlock(async () => {
      await assert.rejects(
        theirs.newStream('/test/asked', { signal: AbortSignal.timeout(8_000) }),
        {
          code: 'STREAM_REFUSED',
        },
      )
      await waitFor(() => channel?.readyState === 'closed', { message: 'it is gone', ...AT_ONCE })
    })
    assert.ok(worstMs < FREE_MS, `${worstMs} ms`)
    assert.equal(connection.status, 'open')
  })

  it('whose peer does not take what waits for it is reset', async (t) => {
    const { host, dial } = await attackOverWebRtc(t, HALF_A_GIGABYTE)
    await host.libp2p.handle('/test/source', () => {})
    open(await dial(), '/test/source')
    const [stream] = await isSpoken(host, '/test/source', 1)
    assert.ok(stream)
    stream.send(new Uint8Array(4 * HALF_A_GIGABYTE.webRtc.channel.maxWriteBufferLength))
    assert.equal(stream.status, 'aborted')
  })

  it('of a peer that keeps to the rules carries much both ways', async (t) => {
    const { host, dial } = await attackOverWebRtc(t, HALF_A_GIGABYTE)
    await host.libp2p.handle('/test/echo', async (stream) => {
      for await (const bytes of stream) stream.send(bytes)
      await stream.close()
    })
    const connection = await dial()
    for (let round = 0; round < 4; round++) {
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          const stream = await connection.newStream('/test/echo')
          stream.send(new Uint8Array(200_000))
          await stream.close()
          let echoed = 0
          for await (const bytes of stream) echoed += bytes.byteLength
          assert.equal(echoed, 200_000)
        }),
      )
    }
    assert.equal(connection.status, 'open')
  })
})
