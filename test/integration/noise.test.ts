import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'

import { leanNoise } from '../../src/network/noise.ts'
import { waitFor } from '../support/wait-for.ts'

const PROTOCOL = '/test/noise'
/** Around what is sealed by WebAssembly, and what fits one message. */
const SIZES = [1, 1_187, 1_188, 1_200, 65_507, 65_508, 131_014, 1_000_000]

describe('noise with less work for each message', () => {
  for (const [client, server] of [
    [leanNoise, noise],
    [noise, leanNoise],
    [leanNoise, leanNoise],
  ] as const) {
    it(`carries bytes of all sizes both ways: ${client.name} to ${server.name}`, async (t) => {
      const { stream, received } = await echo(t, client, server)
      const sent = Buffer.concat(SIZES.map((size, i) => Buffer.alloc(size, i + 1)))
      for (let offset = 0, i = 0; i < SIZES.length; offset += SIZES[i] ?? 0, i += 1) {
        stream.send(sent.subarray(offset, offset + (SIZES[i] ?? 0)))
        await waitFor(() => !stream.writableNeedsDrain, { message: 'the stream to have room' })
      }
      await waitFor(() => received.byteLength() === sent.byteLength, { message: 'all bytes' })
      assert.ok(received.bytes().equals(sent))
    })
  }

  it('ends the connection for a message that was tampered with and hands on none of it', async (t) => {
    const { stream, received } = await echo(t, noise, leanNoise, (bytes) => {
      if (bytes.byteLength < 10_000) return bytes
      const changed = Buffer.from(bytes)
      changed[5_000] = (changed[5_000] ?? 0) ^ 1
      return changed
    })
    stream.send(Buffer.alloc(50_000))
    await waitFor(() => stream.status !== 'open', { message: 'the connection to end' })
    assert.equal(received.atServer(), 0)
  })
})

async function echo(
  t: TestContext,
  clientNoise: typeof noise | typeof leanNoise,
  serverNoise: typeof noise | typeof leanNoise,
  change?: (bytes: Uint8Array) => Uint8Array,
) {
  const [client, server] = await Promise.all([start(clientNoise), start(serverNoise)])
  t.after(() => Promise.all([client.stop(), server.stop()]))
  let atServer = 0
  await server.handle(PROTOCOL, (stream) => {
    stream.addEventListener('message', ({ data }) => {
      atServer += data.byteLength
      stream.send(data)
    })
  })
  const stream = await client.dialProtocol(server.getMultiaddrs(), PROTOCOL)
  if (change !== undefined) {
    const write = Socket.prototype.write
    const changing = function (this: Socket, bytes: Uint8Array) {
      return Reflect.apply(write, this, [change(bytes)])
    }
    t.mock.method(Socket.prototype, 'write', changing as typeof write)
  }
  const chunks: Uint8Array[] = []
  stream.addEventListener('message', ({ data }) => void chunks.push(data.subarray()))
  const bytes = () => Buffer.concat(chunks)
  const received = {
    bytes,
    byteLength: () => chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0),
    atServer: () => atServer,
  }
  return { stream, received }
}

function start(encrypter: typeof noise | typeof leanNoise) {
  return createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [encrypter()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
  })
}
