import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { describe, it, test } from 'node:test'
import type { MessageStream } from '@libp2p/interface'

import {
  guardNegotiation,
  guardPieces,
  guardStreamLengths,
} from '../../src/network/guards/endless-lengths.ts'
import { longestBlock } from '../support/event-loop.ts'
import { startHost } from '../support/host.ts'
import { FLAG, FRAME, frameOf, lineOf, muxerAttacker } from '../support/muxer-attacker.ts'
import { waitFor } from '../support/wait-for.ts'

/** Of the thread's own time: unguarded it is 0.3 s and more. */
const FREE_MS = 150
const ENDLESS = Buffer.alloc(60_000, 0x80)

describe('a length without an end', () => {
  for (const [when, begin] of [
    ['at once', Buffer.alloc(0)],
    ['after a proposal', lineOf('/multistream/1.0.0')],
  ] as const) {
    it(`ends the connection of a stranger that sends it ${when}, and holds up nobody`, async (t) => {
      const host = await startHost(t)
      const port = Number(host.listenAddresses()[0]?.split('/')[4])
      const socket = connectSocket(port, '127.0.0.1')
      t.after(() => socket.destroy())
      socket.on('error', () => {})
      await once(socket, 'connect')
      let isClosed = false
      socket.once('close', () => {
        isClosed = true
      })
      const worstMs = await longestBlock(async () => {
        socket.write(Buffer.concat([begin, ENDLESS]))
        await waitFor(() => isClosed, { message: 'the socket is closed' })
      })
      assert.ok(worstMs < FREE_MS, `${worstMs} ms`)
    })
  }

  it('ends the stream of a peer, and holds up nobody', async (t) => {
    const host = await startHost(t)
    const attacker = await muxerAttacker(t, `${host.listenAddresses()[0]}/p2p/${host.peerId}`)
    await waitFor(() => host.libp2p.getConnections().length === 1, { message: 'connected' })
    const protocols = () =>
      host.libp2p.getConnections().flatMap(({ streams }) => streams.map((one) => one.protocol))
    const honest = Buffer.concat(['/multistream/1.0.0', host.names.ping].map(lineOf))
    const worstMs = await longestBlock(async () => {
      for (const streamId of [101, 103]) {
        attacker.send(frameOf({ type: FRAME.data, flag: FLAG.syn, streamId, bytes: ENDLESS }))
      }
      attacker.send(frameOf({ type: FRAME.data, flag: FLAG.syn, streamId: 105, bytes: honest }))
      // Streams begin in their order: the two before it have been looked at.
      await waitFor(() => protocols().includes(host.names.ping) && !protocols().includes(''), {
        message: 'one that is honest is served, the others are gone',
      })
    })
    assert.ok(worstMs < FREE_MS, `${worstMs} ms`)
  })
})

/** As much of a stream as the guards see. */
class FakeStream extends EventTarget {
  protocol = ''
  isAborted = false
  readonly seen: number[] = []

  constructor() {
    super()
    this.addEventListener('message', this.#listen)
  }

  readonly #listen = (event: Event) => this.seen.push(Reflect.get(event, 'data').byteLength)

  get real(): MessageStream & { protocol: string } {
    return this as unknown as MessageStream & { protocol: string }
  }

  abort(): void {
    this.isAborted = true
  }

  message(data: Uint8Array): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data }))
  }

  agree(): void {
    this.removeEventListener('message', this.#listen)
    this.addEventListener('message', this.#listen)
  }
}

const high = (count: number) => Buffer.alloc(count, 0xff)

test('a run of high bytes is seen over the ends of chunks, and a short one is none', () => {
  const stream = new FakeStream()
  guardNegotiation(stream.real)
  stream.message(high(60))
  stream.message(Buffer.of(1))
  stream.message(high(60))
  assert.deepEqual([stream.isAborted, stream.seen], [false, [60, 1, 60]])
  stream.message(high(5))
  assert.deepEqual([stream.isAborted, stream.seen], [true, [60, 1, 60]])
})

test('once a protocol is agreed upon anything may be sent', () => {
  const stream = new FakeStream()
  guardNegotiation(stream.real)
  stream.agree()
  stream.message(high(10_000))
  assert.equal(stream.isAborted, false)
})

test('of streams those are watched whose protocol reads lengths byte by byte', () => {
  for (const [protocol, isWatched] of [
    ['', true],
    ['/test/id/1.0.0', true],
    ['/test/id/push/1.0.0', true],
    ['/libp2p/dcutr', true],
    ['/ipfs/bitswap/1.2.0', false],
    ['/my-page/hello/1.0.0', false],
  ] as const) {
    const stream = new FakeStream()
    guardStreamLengths(stream.real)
    stream.protocol = protocol
    stream.message(high(100))
    assert.equal(stream.isAborted, isWatched, protocol)
  }
})

test('a handshake in thousands of pieces is ended, and after it they are not counted', () => {
  const stream = new FakeStream()
  const isOver = guardPieces(stream.real)
  for (let n = 0; n < 1024; n += 1) stream.message(Buffer.of(1))
  assert.equal(stream.isAborted, false)
  stream.message(Buffer.of(1))
  assert.equal(stream.isAborted, true)
  isOver()
  stream.message(Buffer.of(1))
  assert.equal(stream.seen.length, 1025)
})
