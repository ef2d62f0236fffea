import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stream } from '@libp2p/interface'
import { byteStream } from '@libp2p/utils'

import type { Host } from '../../src/network/host.ts'
import { type HostLimits, hostLimits } from '../../src/network/limits.ts'
import { createMetrics } from '../../src/telemetry/index.ts'
import { startHost } from '../support/host.ts'
import {
  FLAG,
  FRAME,
  frameOf,
  lineOf,
  type MuxerAttacker,
  muxerAttacker,
} from '../support/muxer-attacker.ts'
import { startStranger } from '../support/stranger.ts'
import { waitFor } from '../support/wait-for.ts'

const HALF_A_GIGABYTE = hostLimits(512)
/** Between two chunks, so that the host has its turn. */
const PAUSE_MS = 1
const FLOOD_MS = 6_000

/** Streams that come before are few: the host ends a connection that opens many of them. */
async function isConnected(host: Host): Promise<void> {
  await waitFor(() => host.libp2p.getConnections().length > 0, { message: 'connected' })
}

function repeat(bytes: Uint8Array, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => bytes))
}

async function attack(t: TestContext, limits: HostLimits = HALF_A_GIGABYTE) {
  const metrics = createMetrics()
  const host = await startHost(t, { limits }, { metrics })
  const attacker = await muxerAttacker(t, `${host.listenAddresses()[0]}/p2p/${host.peerId}`)
  await isConnected(host)
  const countOf = async (reason: string) =>
    Number(
      new RegExp(`connections_cut_total\\{reason="${reason}"\\} (\\d+)`).exec(
        await metrics.text(),
      )?.[1] ?? 0,
    )
  const isCut = async (reason: string) => {
    await waitFor(() => !attacker.isOpen, { message: `the connection is cut for ${reason}` })
    assert.equal(await countOf(reason), 1)
  }
  const stillServes = async () => {
    const visitor = await startHost(t)
    await visitor.dial([`${host.listenAddresses()[0]}/p2p/${host.peerId}`])
  }
  return { host, attacker, isCut, stillServes, countOf }
}

/** Opens streams and proposes protocols on them, without waiting for an answer. */
function open(attacker: MuxerAttacker, ids: readonly number[], ...lines: readonly string[]): void {
  for (const streamId of ids) {
    const bytes = Buffer.concat(['/multistream/1.0.0', ...lines].map(lineOf))
    attacker.send(frameOf({ type: FRAME.windowUpdate, flag: FLAG.syn, streamId }))
    attacker.send(frameOf({ type: FRAME.data, streamId, bytes }))
  }
}

/** Streams that are through their negotiation, of a peer that from here on takes nothing off its socket. */
async function openAndStall(
  host: Host,
  attacker: MuxerAttacker,
  protocol: string,
  count = 1,
): Promise<void> {
  open(attacker, odd(count), protocol)
  const [connection] = host.libp2p.getConnections()
  assert.ok(connection)
  const opened = () => connection.streams.filter((stream) => stream.protocol === protocol).length
  await waitFor(() => opened() === count, { message: 'the streams are open' })
  // What the socket says once the kernel has no room: two megabytes and some seconds earlier.
  const socket: unknown = Reflect.get(connection, 'maConn')
  assert.ok(typeof socket === 'object' && socket !== null)
  Reflect.set(socket, 'sendData', ({ byteLength }: Uint8Array) => ({
    sentBytes: byteLength,
    canSendMore: false,
  }))
}

function odd(count: number): number[] {
  return Array.from({ length: count }, (_, index) => 2 * index + 1)
}

describe('what a peer does to the muxer', { timeout: 60_000 }, () => {
  const cases: Record<string, (attacker: MuxerAttacker) => unknown> = {
    oversize_frame: (attacker) =>
      attacker.send(frameOf({ type: FRAME.data, streamId: 1, length: 200_000_000 })),
    muxer_pings: (attacker) =>
      attacker.send(repeat(frameOf({ type: FRAME.ping, flag: FLAG.syn }), 100)),
    muxer_empty_frames: (attacker) =>
      attacker.send(repeat(frameOf({ type: FRAME.data, streamId: 99 }), 6_000)),
  }
  for (const [offence, attackWith] of Object.entries(cases)) {
    it(`is held against it: ${offence}`, async (t) => {
      const { host, attacker } = await attack(t)
      const peerId = host.libp2p.getConnections()[0]?.remotePeer.toString() ?? ''
      attackWith(attacker)
      await waitFor(() => host.standing.penaltyOf(peerId) > 40, { message: 'points' })
      assert.deepEqual(host.bans.peers.points()[0]?.offences, [offence])
      assert.equal(host.standing.isShunned(peerId), false, 'once is a mistake')
    })
  }
})

describe('a connection is cut', { timeout: 60_000 }, () => {
  it('when its streams are opened and reset without end', async (t) => {
    const { attacker, isCut, stillServes } = await attack(t)
    let streamId = -1
    const pair = () => {
      streamId += 2
      return [FLAG.syn, FLAG.rst].map((flag) =>
        frameOf({ type: FRAME.windowUpdate, flag, streamId }),
      )
    }
    const chunk = () => Buffer.concat(Array.from({ length: 100 }, pair).flat())
    await attacker.flood(chunk, { ms: FLOOD_MS, pauseMs: PAUSE_MS })
    await isCut('streams')
    await stillServes()
  })

  it('when a hundred of its streams are opened and reset in one go', async (t) => {
    const { attacker, isCut } = await attack(t)
    const pairs = odd(100).flatMap((streamId) =>
      [FLAG.syn, FLAG.rst].map((flag) => frameOf({ type: FRAME.windowUpdate, flag, streamId })),
    )
    attacker.send(Buffer.concat(pairs))
    await isCut('streams')
  })

  it('when it pings without end', async (t) => {
    const { attacker, isCut, stillServes } = await attack(t)
    const chunk = repeat(frameOf({ type: FRAME.ping, flag: FLAG.syn }), 20)
    await attacker.flood(() => chunk, { ms: FLOOD_MS, pauseMs: PAUSE_MS })
    await isCut('pings')
    await stillServes()
  })

  for (const [what, fields] of Object.entries({
    'window updates': { type: FRAME.windowUpdate, streamId: 99, length: 1 },
    'data of no length': { type: FRAME.data, streamId: 99 },
    'a byte each': { type: FRAME.data, streamId: 99, bytes: Buffer.of(1) },
  })) {
    it(`when it sends ${what} without end`, async (t) => {
      const { attacker, isCut } = await attack(t)
      const chunk = repeat(frameOf(fields), 1_000)
      await attacker.flood(() => chunk, { ms: FLOOD_MS, pauseMs: PAUSE_MS })
      await isCut('empty-frames')
    })
  }

  it('when each of its frames wants an answer and it reads none', async (t) => {
    const { attacker, host, isCut, stillServes } = await attack(t)
    await host.libp2p.handle('/test/sink', (stream) => {
      stream.addEventListener('message', () => {})
    })
    await openAndStall(host, attacker, '/test/sink')
    const chunk = repeat(frameOf({ type: FRAME.data, streamId: 1, bytes: Buffer.alloc(16) }), 1_000)
    await attacker.flood(() => chunk, { ms: FLOOD_MS, pauseMs: PAUSE_MS })
    await isCut('unread-answers')
    await stillServes()
  })

  it('when much waits for it on many streams and it reads nothing', async (t) => {
    const { attacker, host, isCut } = await attack(t)
    const peerId = host.libp2p.getConnections()[0]?.remotePeer.toString() ?? ''
    await host.libp2p.handle('/test/source', () => {}, { maxInboundStreams: 100 })
    await openAndStall(host, attacker, '/test/source', 20)
    for (const stream of host.libp2p.getConnections()[0]?.streams ?? []) {
      if (stream.protocol === '/test/source') stream.send(Buffer.alloc(700_000))
    }
    await isCut('held-bytes')
    assert.equal(host.standing.penaltyOf(peerId), 0)
  })

  it('when many of its streams are filled that nobody reads', async (t) => {
    const { attacker, host, isCut } = await attack(t)
    await host.libp2p.handle('/test/mute', () => {}, { maxInboundStreams: 100 })
    const ids = odd(30)
    open(attacker, ids, '/test/mute')
    const bytes = Buffer.alloc(32 * 1024)
    const full =
      Math.ceil(HALF_A_GIGABYTE.yamux.streamOptions.maxReadBufferLength / bytes.length) - 2
    const frames = Array.from({ length: full }, () => ids).flat()
    const next = () => frameOf({ type: FRAME.data, streamId: frames.pop() ?? 1, bytes })
    await attacker.flood(next, { ms: FLOOD_MS, pauseMs: PAUSE_MS })
    await isCut('held-bytes')
  })
})

describe('a stream is reset', { timeout: 60_000 }, () => {
  it('when protocols are proposed on it without end', async (t) => {
    const { attacker, host } = await attack(t)
    open(attacker, [1])
    const isOpen = () => host.libp2p.getConnections()[0]?.streams.some(({ id }) => id === '1')
    await waitFor(() => isOpen(), { message: 'the stream is open' })
    attacker.send(frameOf({ type: FRAME.data, streamId: 1, bytes: repeat(lineOf('x'), 200) }))
    // The negotiation has five seconds.
    await waitFor(() => isOpen() === false, { message: 'the stream is gone', timeoutMs: 3_000 })
    assert.equal(attacker.isOpen, true)
  })

  for (const protocol of ['/test/kad/1.0.0', '/test/ping/1.0.0']) {
    it(`when more comes on it than ${protocol} has use for`, async (t) => {
      const { attacker, host } = await attack(t)
      // A message of 4 MB that is never complete.
      open(attacker, [1], protocol)
      const of = () => host.libp2p.getConnections()[0]?.streams ?? []
      const isOpen = () => of().some(({ id }) => id === '1')
      await waitFor(() => of().some((stream) => stream.protocol === protocol), { message: 'open' })
      attacker.send(
        frameOf({ type: FRAME.data, streamId: 1, bytes: Buffer.of(0xff, 0xff, 0xff, 1) }),
      )
      const bytes = Buffer.alloc(8 * 1024)
      const next = () => frameOf({ type: FRAME.data, streamId: 1, bytes })
      for (let n = 0; n < 24; n++) attacker.send(next())
      await waitFor(() => !isOpen(), { message: 'the stream is gone', timeoutMs: 3_000 })
      assert.equal(attacker.isOpen, true)
    })
  }
})

describe('behind what is read of a message, no more is kept', { timeout: 60_000 }, () => {
  /** Ten messages of nothing, after which identify has enough, then far more than it ever needs. */
  async function goOn(stream: Stream): Promise<void> {
    stream.send(Buffer.alloc(10))
    await sleep(100)
    for (let sent = 0; sent < 512 * 1024 && stream.status === 'open'; sent += 16 * 1024) {
      stream.send(Buffer.alloc(16 * 1024))
      await sleep(1)
    }
  }

  it('when a peer tells who it is', async (t) => {
    const host = await startHost(t)
    const { connection } = await startStranger(t, host)
    const stream = await connection.newStream('/test/id/push/1.0.0')
    await goOn(stream)
    await waitFor(() => stream.status === 'reset', { message: 'the stream is reset' })
    assert.equal(connection.status, 'open')
  })

  it('when a peer is asked who it is', async (t) => {
    const host = await startHost(t)
    const { promise: asked, resolve: onAsked } = Promise.withResolvers<Stream>()
    const { connection } = await startStranger(t, host, {
      handlers: { '/test/id/1.0.0': onAsked },
    })
    const stream = await asked
    await goOn(stream)
    await waitFor(() => stream.status === 'reset', { message: 'the stream is reset' })
    assert.equal(connection.status, 'open')
  })

  it('when a peer answers a ping', async (t) => {
    const host = await startHost(t)
    const { promise: pinged, resolve: onPing } = Promise.withResolvers<Stream>()
    await startStranger(t, host, { handlers: { [host.names.ping]: onPing } })
    const connection = await waitFor(() => host.libp2p.getConnections()[0], {
      message: 'connected',
    })
    // As the library's monitor of connections does.
    const own = byteStream(await connection.newStream(host.names.ping))
    const stream = await pinged
    await own.write(Buffer.alloc(32))
    await goOn(stream)
    await waitFor(() => stream.status === 'reset', { message: 'the stream is reset' })
    assert.equal(connection.status, 'open')
  })
})

describe('a connection is kept', { timeout: 60_000 }, () => {
  it('whose peer opens streams one after another and many at once', async (t) => {
    const host = await startHost(t, { limits: HALF_A_GIGABYTE })
    const peer = await startHost(t, { limits: HALF_A_GIGABYTE })
    await host.libp2p.handle('/test/echo', async (stream) => {
      for await (const bytes of stream) stream.send(bytes)
      await stream.close()
    })
    const connection = await peer.dial([`${host.listenAddresses()[0]}/p2p/${host.peerId}`])
    await isConnected(host)
    for (let round = 0; round < 8; round++) {
      await Promise.all(
        Array.from({ length: 16 }, async () => {
          const stream = await connection.newStream('/test/echo')
          stream.send(Buffer.alloc(100_000))
          await stream.close()
          let echoed = 0
          for await (const bytes of stream) echoed += bytes.byteLength
          assert.equal(echoed, 100_000)
        }),
      )
    }
    assert.equal(connection.status, 'open')
    assert.equal(host.peers().length, 1)
  })
})
