import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { longestBlock } from '../support/event-loop.ts'
import { startHost } from '../support/host.ts'
import { FLAG, FRAME, frameOf, lineOf, muxerAttacker } from '../support/muxer-attacker.ts'
import { waitFor } from '../support/wait-for.ts'

const PROTOCOL = '/test/short-chunks'
const FRAME_BYTES = 96 * 1024
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
