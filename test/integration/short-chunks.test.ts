import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { describe, it, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { hostLimits } from '../../src/network/limits.ts'
import { longestBlock } from '../support/event-loop.ts'
import { varint } from '../support/fuzz/payloads.ts'
import { startHost } from '../support/host.ts'
import { FLAG, FRAME, frameOf, lineOf, muxerAttacker } from '../support/muxer-attacker.ts'
import { waitFor } from '../support/wait-for.ts'

const PROTOCOL = '/test/short-chunks'
const FRAME_BYTES = 96 * 1024
/** The least that is no empty frame. */
const SHORT_FRAME_BYTES = 16
/** It is 10 ms, and more than 7 s where chunks are left as they come. */
const FREE_MS = 200
const STREAM = { maxInboundStreams: 1, maxOutboundStreams: 1, timeoutMs: 60_000 }

describe('a node stays free to serve others', () => {
  it('while a frame comes in messages of one byte', async (t) => {
    const { attacker, received, sent } = await attack(t)
    const blockMs = await longestBlock(async () => {
      for (let i = 0; i < sent.length; ) {
        for (let n = 0; n < 64 && i < sent.length; n += 1) {
          // The last message ends the frame and begins another: what was gathered is not taken as a whole.
          const end = i === sent.length - 2 ? i + 2 : i + 1
          if (attacker.send(sent.subarray(i, end))) i = end
          else break
        }
        assert.ok(attacker.isOpen, 'the attacker is not cut')
        await nextTurn()
      }
      await received()
    })
    assert.ok(blockMs < FREE_MS, `${blockMs} ms`)
  })

  it('while a message comes byte by byte', async (t) => {
    const { attacker, received, sent, raw } = await attack(t)
    const onData = raw.onData.bind(raw)
    const came: Uint8Array[] = []
    raw.onData = (bytes) => void came.push(bytes.slice())
    const blockMs = await longestBlock(async () => {
      for (let i = 0; i < sent.length; i += 65_000) {
        attacker.send(sent.subarray(i, i + 65_000))
        await nextTurn()
      }
      await waitFor(() => came.reduce((sum, { length }) => sum + length, 0) > sent.length, {
        message: 'all bytes',
      })
      const bytes = Buffer.concat(came)
      // The last two come together: what was gathered is not taken as a whole.
      for (let i = 0; i < bytes.length; ) {
        for (let n = 0; n < 512 && i < bytes.length; n += 1) {
          const end = i % 65_018 === 65_017 ? i + 2 : i + 1
          onData(bytes.subarray(i, end))
          i = end
        }
        await nextTurn()
      }
      await received()
    })
    assert.ok(blockMs < FREE_MS, `${blockMs} ms`)
  })

  it('while a message of gossip comes in frames of 16 bytes', async (t) => {
    const { attacker, isSubscribed, mostBytes } = await gossiper(t)
    // A message of nothing, which is none, and behind it one that tells that both were read.
    const bytes = Buffer.concat([
      varint(mostBytes),
      Buffer.alloc(mostBytes),
      varint(SUBSCRIBED.length),
      SUBSCRIBED,
    ])
    // The last frame ends the message and begins another: what was gathered is not taken as a whole.
    const last = bytes.length - SUBSCRIBED.length - SHORT_FRAME_BYTES
    const frames: Buffer[] = []
    for (let at = 0; at < bytes.length; ) {
      const end = at < last ? Math.min(at + SHORT_FRAME_BYTES, last) : bytes.length
      frames.push(frameOf({ type: FRAME.data, streamId: 1, bytes: bytes.subarray(at, end) }))
      at = end
    }
    const blockMs = await longestBlock(async () => {
      for (let i = 0; i < frames.length && attacker.isOpen; await nextTurn()) {
        if (!attacker.isReady) continue
        attacker.send(Buffer.concat(frames.slice(i, i + 512)))
        i += 512
      }
      assert.ok(attacker.isOpen, 'the attacker is not cut')
      await waitFor(isSubscribed, { message: 'all was read', timeoutMs: 60_000 })
    })
    assert.ok(blockMs < FREE_MS, `${blockMs} ms`)
  })

  it('while a stranger’s handshake comes byte by byte', async (t) => {
    const host = await startHost(t, {
      listen: { hosts: ['127.0.0.1'], tcpPort: 0, ws: { port: 0, tls: null } },
    })
    const address = host.listenAddresses().find((text) => text.endsWith('/ws')) ?? ''
    const socket = new WebSocket(`ws://127.0.0.1:${address.split('/')[4]}`)
    socket.binaryType = 'arraybuffer'
    await once(socket, 'open')
    let answered = ''
    socket.addEventListener('message', ({ data }) => {
      answered += Buffer.from(data).toString()
    })
    socket.send(Buffer.concat(['/multistream/1.0.0', '/noise'].map(lineOf)))
    await waitFor(() => answered.includes('/noise'), { message: 'noise is agreed on' })
    const blockMs = await longestBlock(async () => {
      // The longest message there is, and a byte of the next one with its last.
      for (let i = 0; i <= 65_536 && socket.readyState === WebSocket.OPEN; i += 1) {
        socket.send(i === 65_536 ? new Uint8Array(2) : Uint8Array.of(255))
        if (i % 64 === 0) await nextTurn()
      }
      await waitFor(() => socket.readyState === WebSocket.CLOSED, {
        message: 'the stranger is gone',
        timeoutMs: 60_000,
      })
    })
    assert.ok(blockMs < FREE_MS, `${blockMs} ms`)
    assert.deepEqual(host.libp2p.getConnections(), [])
  })
})

for (const when of ['has not begun', 'is busy with what it has']) {
  test(`short frames that wait for a reader which ${when} are few chunks when it reads on`, async (t) => {
    const host = await startHost(t)
    const { promise: isFree, resolve: free } = Promise.withResolvers<void>()
    const chunks: Uint8Array[] = []
    await host.transport.handle(
      PROTOCOL,
      async (stream) => {
        if (when === 'has not begun') await isFree
        for await (const chunk of stream.chunks()) {
          chunks.push(chunk)
          await isFree
        }
      },
      STREAM,
    )
    const attacker = await muxerAttacker(t, `${host.listenAddresses()[0]}/p2p/${host.peerId}`)
    const connection = await waitFor(() => host.libp2p.getConnections()[0], {
      message: 'connected',
    })
    const open = async (streamId: number, protocol: string) => {
      const lines = Buffer.concat(['/multistream/1.0.0', protocol].map(lineOf))
      attacker.send(frameOf({ type: FRAME.data, flag: FLAG.syn, streamId, bytes: lines }))
      const isOpen = () => connection.streams.some((stream) => stream.protocol === protocol)
      await waitFor(isOpen, { message: `a stream for ${protocol}` })
    }
    await open(1, PROTOCOL)
    const payload = randomBytes(FRAME_BYTES)
    for (let at = 0; at < FRAME_BYTES; at += SHORT_FRAME_BYTES) {
      const bytes = payload.subarray(at, at + SHORT_FRAME_BYTES)
      await waitFor(() => attacker.isReady, { message: 'room for a frame' })
      attacker.send(frameOf({ type: FRAME.data, streamId: 1, bytes }))
    }
    // It begins behind all that was sent.
    await open(3, host.names.ping)
    free()
    const read = () => chunks.reduce((sum, { length }) => sum + length, 0)
    await waitFor(() => read() === FRAME_BYTES, { message: 'all bytes' })
    assert.ok(Buffer.concat(chunks).equals(payload))
    assert.ok(chunks.length < 200, `${chunks.length} chunks`)
  })
}

const TOPIC = 'short'
/** An RPC that says: I am subscribed to the topic. */
const SUBSCRIBED = Buffer.from([0x0a, 9, 0x08, 1, 0x12, TOPIC.length, ...Buffer.from(TOPIC)])

/** A peer that gossips to a node that is subscribed to the topic. */
async function gossiper(t: Parameters<typeof startHost>[0]) {
  const limits = hostLimits(1_024)
  const host = await startHost(t, { limits })
  host.transport.subscribe(
    TOPIC,
    () => 'accept',
    () => {},
  )
  const attacker = await muxerAttacker(t, `${host.listenAddresses()[0]}/p2p/${host.peerId}`)
  const connection = await waitFor(() => host.libp2p.getConnections()[0], { message: 'connected' })
  const lines = Buffer.concat(['/multistream/1.0.0', '/meshsub/1.1.0'].map(lineOf))
  attacker.send(frameOf({ type: FRAME.windowUpdate, flag: FLAG.syn, streamId: 1 }))
  attacker.send(frameOf({ type: FRAME.data, streamId: 1, bytes: lines }))
  const isGossip = ({ protocol, direction }: { protocol: string; direction: string }) =>
    protocol === '/meshsub/1.1.0' && direction === 'inbound'
  await waitFor(() => connection.streams.some(isGossip), { message: 'the stream is open' })
  const isSubscribed = () => host.transport.subscribers(TOPIC).length > 0
  return { attacker, isSubscribed, mostBytes: limits.gossip.maxInboundDataLength }
}

interface Raw {
  onData: (bytes: Uint8Array) => void
}

/** A peer with a stream that is read, and a frame to send on it with the head of another behind it. */
async function attack(t: Parameters<typeof startHost>[0]) {
  const host = await startHost(t)
  const chunks: Uint8Array[] = []
  await host.transport.handle(
    PROTOCOL,
    async (stream) => {
      for await (const chunk of stream.chunks()) chunks.push(chunk)
    },
    STREAM,
  )
  const attacker = await muxerAttacker(t, `${host.listenAddresses()[0]}/p2p/${host.peerId}`)
  const connection = await waitFor(() => host.libp2p.getConnections()[0], { message: 'connected' })
  const lines = Buffer.concat(['/multistream/1.0.0', PROTOCOL].map(lineOf))
  attacker.send(frameOf({ type: FRAME.windowUpdate, flag: FLAG.syn, streamId: 1 }))
  attacker.send(frameOf({ type: FRAME.data, streamId: 1, bytes: lines }))
  await waitFor(() => connection.streams.some(({ protocol }) => protocol === PROTOCOL), {
    message: 'the stream is open',
  })
  const payload = randomBytes(FRAME_BYTES)
  const frame = frameOf({ type: FRAME.data, streamId: 1, bytes: payload })
  const received = async () => {
    const bytes = () => chunks.reduce((sum, { length }) => sum + length, 0)
    await waitFor(() => bytes() === FRAME_BYTES, { message: 'the frame', timeoutMs: 60_000 })
    assert.ok(Buffer.concat(chunks).equals(payload))
  }
  const raw: unknown = Reflect.get(connection, 'maConn')
  assert.ok(typeof raw === 'object' && raw !== null && 'onData' in raw)
  return { attacker, received, sent: Buffer.concat([frame, Buffer.of(0)]), raw: raw as Raw }
}
