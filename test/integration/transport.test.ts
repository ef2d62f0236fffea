import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { NetworkError } from '../../src/network/errors.ts'
import type { Host } from '../../src/network/host.ts'
import { hostLimits } from '../../src/network/limits.ts'
import type { PeerStream, StreamHandlerOptions } from '../../src/network/types.ts'
import { createLogger, createMetrics } from '../../src/telemetry/index.ts'
import { connect, startHost } from '../support/host.ts'
import { waitFor } from '../support/wait-for.ts'

const ECHO = '/test/echo/1.0.0'
const OPTIONS: StreamHandlerOptions = {
  maxInboundStreams: 4,
  maxOutboundStreams: 4,
  timeoutMs: 5_000,
}
const soon = () => AbortSignal.timeout(5_000)

async function connectedPair(t: TestContext): Promise<[client: Host, server: Host]> {
  const [client, server] = [await startHost(t), await startHost(t)]
  await connect(client, server)
  await waitFor(() => server.peers()[0]?.isStation && client.peers()[0]?.isStation, {
    message: 'both have identified each other',
  })
  return [client, server]
}

async function readAll(stream: PeerStream): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream.chunks()) chunks.push(chunk)
  return Buffer.concat(chunks)
}

test('bytes go there and back, in order, whatever their number', async (t) => {
  const [client, server] = await connectedPair(t)
  await server.transport.handle(
    ECHO,
    async (stream) => {
      for await (const chunk of stream.chunks()) await stream.send(chunk, soon())
      await stream.close(soon())
    },
    OPTIONS,
  )
  const stream = await client.transport.open(server.peerId, ECHO, soon())
  assert.equal(stream.peerId, server.peerId)
  const sent = randomBytes(5 * 1024 * 1024)
  const [received] = await Promise.all([
    readAll(stream),
    stream.send(sent, soon()).then(() => stream.close(soon())),
  ])
  assert.ok(sent.equals(received))
})

for (const [when, reads] of [
  ['while nobody reads', 0],
  ['when its reader stops', 1],
] as const) {
  test(`a sender is held back ${when}, and the unread part stays small`, async (t) => {
    const [client, server] = await connectedPair(t)
    const { promise: mayRead, resolve: letRead } = Promise.withResolvers<void>()
    const { promise: received, resolve: onReceived } = Promise.withResolvers<number>()
    await server.transport.handle(
      ECHO,
      async (stream) => {
        let count = 0
        let chunks = 0
        if (reads === 0) await mayRead
        for await (const chunk of stream.chunks()) {
          count += chunk.byteLength
          chunks += 1
          if (chunks === reads) await mayRead
        }
        onReceived(count)
      },
      OPTIONS,
    )
    const stream = await client.transport.open(server.peerId, ECHO, soon())
    const slice = new Uint8Array(64 * 1024)
    let sentBytes = 0
    const total = 16 * 1024 * 1024
    const sending = (async () => {
      while (sentBytes < total) {
        await stream.send(slice, AbortSignal.timeout(15_000))
        sentBytes += slice.byteLength
      }
      await stream.close(soon())
    })()
    let seen = -1
    // Steady: a hundred turns of the loop without another slice accepted.
    await waitFor(
      async () => {
        const before = sentBytes
        for (let turn = 0; turn < 100; turn++) await nextTurn()
        const isSteady = before === sentBytes && seen === sentBytes && sentBytes > 0
        seen = sentBytes
        return isSteady
      },
      { message: 'the sender is held back' },
    )
    assert.ok(sentBytes < 2 * 1024 * 1024, `${sentBytes} bytes were accepted unread`)
    letRead()
    await sending
    assert.equal(await received, total)
  })
}

test('a reader that stays slow gets every byte of a fast sender', async (t) => {
  const [client, server] = await connectedPair(t)
  const total = 12 * 1024 * 1024
  const { promise: received, resolve: onReceived, reject } = Promise.withResolvers<number>()
  let mostUnread = 0
  await server.transport.handle(
    ECHO,
    async (stream) => {
      let count = 0
      try {
        for await (const chunk of stream.chunks()) {
          count += chunk.byteLength
          const [raw] = server.libp2p
            .getConnections()
            .flatMap(({ streams }) => streams)
            .filter(({ protocol }) => protocol === ECHO)
          mostUnread = Math.max(mostUnread, raw?.readBufferLength ?? 0)
          for (let turn = 0; turn < 4; turn++) await nextTurn()
        }
        onReceived(count)
      } catch (error) {
        reject(error)
        throw error
      }
    },
    { ...OPTIONS, timeoutMs: 30_000 },
  )
  const stream = await client.transport.open(server.peerId, ECHO, soon())
  const sending = (async () => {
    await stream.send(new Uint8Array(total), AbortSignal.timeout(30_000))
    await stream.close(AbortSignal.timeout(30_000))
  })()
  assert.equal(await received, total)
  await sending
  const { maxStreamWindowSize } = hostLimits(1_024).yamux.streamOptions
  assert.ok(mostUnread <= 2 * maxStreamWindowSize, `${mostUnread} bytes waited in the stream`)
})

test('a send that waits for a slow reader ends with its signal', async (t) => {
  const [client, server] = await connectedPair(t)
  const { promise: end, resolve } = Promise.withResolvers<void>()
  t.after(() => resolve())
  await server.transport.handle(ECHO, () => end, OPTIONS)
  const stream = await client.transport.open(server.peerId, ECHO, soon())
  const bytes = new Uint8Array(8 * 1024 * 1024)
  await assert.rejects(stream.send(bytes, AbortSignal.timeout(200)), { name: 'TimeoutError' })
})

test('a reset is an error to the reader, an orderly end is none', async (t) => {
  const [client, server] = await connectedPair(t)
  let isReset = false
  await server.transport.handle(
    ECHO,
    async (stream) => {
      await stream.send(new Uint8Array([1, 2, 3]), soon())
      if (!isReset) return stream.close(soon())
      // Not before the other side has its stream: a byte of it says so.
      await stream.chunks()[Symbol.asyncIterator]().next()
      stream.abort(new Error('test'))
    },
    OPTIONS,
  )
  const orderly = await client.transport.open(server.peerId, ECHO, soon())
  assert.deepEqual([...(await readAll(orderly))], [1, 2, 3])
  isReset = true
  const broken = await client.transport.open(server.peerId, ECHO, soon())
  await broken.send(new Uint8Array(1), soon())
  await assert.rejects(
    readAll(broken),
    (error) => error instanceof NetworkError && error.code === 'STREAM_RESET',
  )
})

test('a connection that ends is no orderly end of its streams', async (t) => {
  const [client, server] = await connectedPair(t)
  const { promise: end, resolve } = Promise.withResolvers<void>()
  t.after(() => resolve())
  await server.transport.handle(ECHO, () => end, OPTIONS)
  const stream = await client.transport.open(server.peerId, ECHO, soon())
  const reading = readAll(stream)
  await server.stop()
  await assert.rejects(
    reading,
    (error) => error instanceof NetworkError && error.code === 'STREAM_RESET',
  )
})

test('a handler that throws or never returns costs its stream and nothing else', async (t) => {
  const [client, server] = await connectedPair(t)
  const failing = '/test/failing/1.0.0'
  const endless = '/test/endless/1.0.0'
  await server.transport.handle(
    failing,
    async () => {
      throw new Error('test')
    },
    OPTIONS,
  )
  await server.transport.handle(endless, () => new Promise(() => {}), {
    ...OPTIONS,
    timeoutMs: 100,
  })
  for (const protocol of [failing, endless]) {
    const stream = await client.transport.open(server.peerId, protocol, soon())
    await assert.rejects(readAll(stream), NetworkError)
  }
  assert.equal(client.peers().length, 1)
})

test('streams are opened on existing connections only, and only for what is served', async (t) => {
  const [client, server] = await connectedPair(t)
  await assert.rejects(
    client.transport.open(server.peerId, '/test/nothing/1.0.0', soon()),
    (error) => error instanceof NetworkError && error.code === 'STREAM_REFUSED',
  )
  const stranger = await startHost(t)
  await assert.rejects(
    client.transport.open(stranger.peerId, ECHO, soon()),
    (error) => error instanceof NetworkError && error.code === 'NOT_CONNECTED',
  )
  await server.transport.handle(ECHO, async () => {}, OPTIONS)
  await server.transport.unhandle(ECHO)
  await assert.rejects(client.transport.open(server.peerId, ECHO, soon()), NetworkError)
})

test('more streams than allowed are refused', async (t) => {
  const [client, server] = await connectedPair(t)
  const { promise: end, resolve } = Promise.withResolvers<void>()
  t.after(() => resolve())
  await server.transport.handle(ECHO, () => end, { ...OPTIONS, maxInboundStreams: 2 })
  const streams = []
  for (let count = 0; count < 3; count++) {
    streams.push(await client.transport.open(server.peerId, ECHO, soon()))
  }
  const [first, second, third] = streams
  assert.ok(first && second && third)
  await assert.rejects(readAll(third), NetworkError)
})

test('a message passes its validator before it is handled', async (t) => {
  const metrics = createMetrics()
  const [client, server] = [await startHost(t), await startHost(t, {}, { metrics })]
  const handled: string[] = []
  server.transport.subscribe(
    'topic',
    (_from, bytes) => (bytes[0] === 1 ? 'accept' : bytes[0] === 2 ? 'ignore' : 'reject'),
    (from, bytes) => handled.push(`${from} ${bytes[0]}`),
  )
  client.transport.subscribe(
    'topic',
    () => 'accept',
    () => {},
  )
  await connect(client, server)
  await waitFor(() => client.transport.subscribers('topic').length === 1, { message: 'subscribed' })
  for (const byte of [3, 2, 1]) {
    assert.equal(await client.transport.publish('topic', new Uint8Array([byte])), 1)
  }
  await waitFor(() => handled.length === 1, { message: 'the accepted message' })
  assert.deepEqual(handled, [`${client.peerId} 1`])
  const text = await metrics.text()
  for (const verdict of ['accept', 'ignore', 'reject']) {
    assert.match(text, new RegExp(`wesense_gossip_messages_total\\{verdict="${verdict}"\\} 1`))
  }
})

test('publishing with nobody there is no error', async (t) => {
  const host = await startHost(t)
  assert.equal(await host.transport.publish('topic', new Uint8Array([1])), 0)
})

test('a peer that joined a topic before us is not forgotten', async (t) => {
  const [client, server] = await connectedPair(t)
  client.transport.subscribe(
    'late',
    () => 'accept',
    () => {},
  )
  await waitFor(() => server.transport.subscribers('late').length === 1, { message: 'heard of' })
  const handled: number[] = []
  client.transport.unsubscribe('late')
  client.transport.subscribe(
    'late',
    () => 'accept',
    (_from, bytes) => handled.push(bytes[0] ?? 0),
  )
  server.transport.subscribe(
    'late',
    () => 'accept',
    () => {},
  )
  await waitFor(() => server.transport.subscribers('late').length === 1, { message: 'again' })
  assert.equal(await server.transport.publish('late', new Uint8Array([9])), 1)
  await waitFor(() => handled.length === 1, { message: 'the message' })
})

test('messages of a topic that nobody here joined are dropped unread', async (t) => {
  const metrics = createMetrics()
  const [client, server] = [await startHost(t), await startHost(t, {}, { metrics })]
  server.transport.subscribe(
    'topic',
    () => 'accept',
    () => {},
  )
  await connect(client, server)
  await waitFor(() => client.transport.subscribers('topic').length === 1, { message: 'subscribed' })
  // Leaves without a word, as a peer whose farewell is late.
  Reflect.get(server.gossip, 'unsubscribe').call(server.gossip, 'topic')
  await client.transport.publish('topic', new Uint8Array([1]))
  await waitFor(async () => /wesense_gossip_dropped_total 1/.test(await metrics.text()), {
    message: 'the drop is counted',
  })
})

test('listeners hear once of each subscriber and of each peer', async (t) => {
  const [client, server] = [await startHost(t), await startHost(t)]
  const subscribed: string[] = []
  const peers: string[] = []
  server.transport.subscribe(
    'topic',
    () => 'accept',
    () => {},
  )
  const stopListening = server.transport.onSubscriber('topic', (id) => subscribed.push(id))
  const stopPeers = server.transport.onPeer((id, isConnected) => peers.push(`${id} ${isConnected}`))
  client.transport.subscribe(
    'topic',
    () => 'accept',
    () => {},
  )
  await connect(client, server)
  await waitFor(() => subscribed.length === 1, { message: 'the subscriber' })
  assert.deepEqual(server.transport.connectedPeers(), [client.peerId])
  stopListening()
  await client.stop()
  await waitFor(() => peers.length === 2, { message: 'the farewell' })
  stopPeers()
  assert.deepEqual(subscribed, [client.peerId])
  assert.deepEqual(peers, [`${client.peerId} true`, `${client.peerId} false`])
})

test('a listener that throws costs neither the process nor the next one its turn', async (t) => {
  const lines: string[] = []
  const logger = createLogger({ destination: { write: (line: string) => lines.push(line) } })
  const [client, server] = [await startHost(t), await startHost(t, {}, { logger })]
  const fail = () => {
    throw new Error('a bug')
  }
  const seen: string[] = []
  server.transport.onPeer(fail)
  server.transport.onPeer((peerId) => seen.push(peerId))
  server.transport.onSubscriber('topic', fail)
  server.transport.subscribe('topic', () => 'accept', fail)
  client.transport.subscribe(
    'topic',
    () => 'accept',
    () => {},
  )
  await connect(client, server)
  await waitFor(() => client.transport.subscribers('topic').length === 1, { message: 'subscribed' })
  await client.transport.publish('topic', new Uint8Array([1]))
  await waitFor(() => lines.filter((line) => line.includes('listener failed')).length >= 3, {
    message: 'each of the three is logged',
  })
  assert.deepEqual(seen, [client.peerId])
})

test('a gossip stream that closed is opened again', async (t) => {
  const metrics = createMetrics()
  const [client, server] = [await startHost(t), await startHost(t, {}, { metrics })]
  const handled: number[] = []
  client.transport.subscribe(
    'topic',
    () => 'accept',
    (_from, bytes) => handled.push(bytes[0] ?? 0),
  )
  server.transport.subscribe(
    'topic',
    () => 'accept',
    () => {},
  )
  await connect(client, server)
  await waitFor(() => server.transport.subscribers('topic').length === 1, { message: 'subscribed' })
  const findStream = () =>
    server.libp2p
      .getConnections()
      .flatMap(({ streams }) => streams)
      .find(({ protocol, direction }) => protocol.includes('meshsub') && direction === 'outbound')
  const stream = await waitFor(findStream, { message: 'a gossip stream' })
  stream.abort(new Error('test'))
  await waitFor(() => findStream() === undefined, { message: 'the stream is gone' })
  await server.healGossip()
  await waitFor(findStream, { message: 'a new gossip stream' })
  assert.equal(await server.transport.publish('topic', new Uint8Array([7])), 1)
  await waitFor(() => handled.length === 1, { message: 'the message' })
  assert.match(await metrics.text(), /wesense_gossip_healed_total\{action="reopened"\} 1/)
})

test('a frame that no window allows ends its connection before it is gathered', async (t) => {
  const metrics = createMetrics()
  const [client, server] = [await startHost(t), await startHost(t, {}, { metrics })]
  await connect(client, server)
  const [connection] = client.libp2p.getConnections()
  assert.ok(connection)
  const found = await waitFor(() => server.libp2p.getConnections()[0], { message: 'connected' })
  const header = Buffer.alloc(12)
  header.writeUInt32BE(1, 4)
  header.writeUInt32BE(hostLimits(1_024).yamux.streamOptions.maxStreamWindowSize + 1, 8)
  Reflect.get(connection, 'muxer').send(header)
  await waitFor(() => connection.status === 'aborted' && found.status === 'aborted', {
    message: 'the connection is gone',
  })
  assert.match(await metrics.text(), /wesense_oversize_frames_total 1/)
})
