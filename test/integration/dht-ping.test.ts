import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it, type TestContext, test } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import type { Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

import type { Host } from '../../src/network/host.ts'
import { startHost } from '../support/host.ts'
import { waitFor } from '../support/wait-for.ts'
import { settle } from '../unit/network/fakes.ts'

/** A peer that says it speaks the DHT, and does with each ping what the test wants. */
async function startContact(
  t: TestContext,
  host: Host,
  onPing: (stream: Stream) => void,
): Promise<void> {
  const peer = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    connectionGater: { denyDialMultiaddr: () => false },
    services: { identify: identify({ protocolPrefix: 'test' }) },
  })
  t.after(() => peer.stop())
  await peer.handle(host.names.kad, () => {})
  await peer.handle(host.names.ping, onPing)
  await peer.dial(multiaddr(`${host.listenAddresses()[0]}/p2p/${host.peerId}`))
}

/** What is sent from here on is taken once more, and then the socket says that it has no room for more. */
function saturate(host: Host): void {
  const [connection] = host.libp2p.getConnections()
  const socket: unknown = connection && Reflect.get(connection, 'maConn')
  assert.ok(typeof socket === 'object' && socket !== null)
  const sendData: unknown = Reflect.get(socket, 'sendData')
  assert.ok(typeof sendData === 'function')
  Reflect.set(socket, 'sendData', (bytes: unknown) => ({
    ...Reflect.apply(sendData, socket, [bytes]),
    canSendMore: false,
  }))
}

function pings(host: Host): Stream[] {
  const streams = host.libp2p.getConnections().flatMap((connection) => connection.streams)
  return streams.filter(({ protocol }) => protocol === host.names.ping)
}

test('a wrong pong on a connection that takes nothing more ends the ping and not the process', async (t) => {
  const host = await startHost(t)
  const contact = Promise.withResolvers<Stream>()
  await startContact(t, host, (stream) => {
    saturate(host)
    contact.resolve(stream)
  })
  const stream = await contact.promise
  await waitFor(() => pings(host).some(({ writableNeedsDrain }) => writableNeedsDrain), {
    message: 'the ping waits',
  })
  stream.send(randomBytes(32))
  // The runner takes a rejection that nobody handles for a failure of this test.
  await waitFor(() => pings(host).length === 0, { message: 'its stream is gone' })
  assert.equal(host.libp2p.getConnections().length, 1)
  assert.equal(host.dht?.size, 0)
})

describe('a contact of the DHT', () => {
  it('is taken for what it sends back, in however many pieces', async (t) => {
    const host = await startHost(t)
    await startContact(t, host, (stream) => {
      stream.addEventListener('message', ({ data }) => {
        for (const byte of data.subarray()) stream.send(Uint8Array.of(byte))
      })
    })
    await waitFor(() => host.dht?.size === 1, { message: 'it is in the table' })
  })

  const wrong: Record<string, (stream: Stream, ping: Uint8Array) => unknown> = {
    'other bytes': (stream) => stream.send(randomBytes(32)),
    'more than it was sent': (stream, ping) => stream.send(Buffer.concat([ping, ping])),
    'an end': (stream) => stream.close(),
    'half of it and an end': (stream, ping) => {
      stream.send(ping.subarray(0, 16))
      void stream.close()
    },
    'a reset': (stream) => stream.abort(new Error('no')),
    'nothing at all': () => {},
  }
  for (const [answer, give] of Object.entries(wrong)) {
    it(`is not taken for ${answer}`, async (t) => {
      const host = await startHost(t)
      const pinged = Promise.withResolvers<void>()
      await startContact(t, host, (stream) => {
        stream.addEventListener('message', ({ data }) => {
          void give(stream, data.subarray())
          pinged.resolve()
        })
      })
      await pinged.promise
      // The DHT gives up after five seconds.
      const gone = { message: 'its stream is gone', timeoutMs: 10_000 }
      await waitFor(() => pings(host).length === 0, gone)
      await settle()
      assert.equal(host.dht?.size, 0)
    })
  }
})
