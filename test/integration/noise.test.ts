import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, Socket } from 'node:net'
import { describe, it, type TestContext, test } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

import { leanNoise } from '../../src/network/noise.ts'
import { startHost } from '../support/host.ts'
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

test('who reads the bytes of a connection finds no text, protocol or key of it in them, and nothing twice', async (t) => {
  const [client, server] = await Promise.all([startHost(t), startHost(t)])
  const [address = ''] = server.listenAddresses()
  const { port, read } = await tap(t, Number(multiaddr(address).getComponents()[1]?.value))
  const received: Buffer[] = []
  await server.libp2p.handle(PROTOCOL, (stream) => {
    stream.addEventListener('message', ({ data }) => {
      received.push(Buffer.from(data.subarray()))
      stream.send(data)
    })
  })
  await client.dial([`/ip4/127.0.0.1/tcp/${port}/p2p/${server.peerId}`])
  const stream = await client.libp2p.dialProtocol(server.libp2p.peerId, PROTOCOL)
  // Below and above the size from which the native cipher is used.
  const texts = [randomBytes(500), randomBytes(5_000)].map((one) => one.toString('hex'))
  let sent = ''
  for (const text of [...texts, ...texts]) {
    sent += text
    stream.send(Buffer.from(text))
    await waitFor(() => Buffer.concat(received).toString() === sent, { message: 'the text' })
  }

  const bytes = read()
  for (const side of [bytes.toServer, bytes.toClient]) {
    assert.ok(side.includes('/multistream/1.0.0'), 'what comes before the handshake is found')
    const after = side.subarray(side.indexOf('/noise') + '/noise'.length)
    for (const text of [...texts.map((one) => one.slice(0, 16)), PROTOCOL, '/yamux', '/test/'])
      assert.ok(!after.includes(text), text)
    for (const { publicKey } of [client.libp2p.peerId, server.libp2p.peerId])
      assert.ok(publicKey !== undefined && !after.includes(Buffer.from(publicKey.raw)))
    assert.deepEqual(repeated(after, 16), [])
  }
})

/** A way to a local port that keeps what goes through it. */
async function tap(t: TestContext, to: number) {
  const toServer: Buffer[] = []
  const toClient: Buffer[] = []
  const listener = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    for (const [from, other, kept] of [
      [near, far, toServer],
      [far, near, toClient],
    ] as const) {
      t.after(() => from.destroy())
      from.on('error', () => other.destroy())
      from.on('data', (chunk) => void kept.push(chunk))
      from.pipe(other)
    }
  })
  t.after(() => listener.close())
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  const address = listener.address()
  assert.ok(address !== null && typeof address === 'object')
  const read = () => ({ toServer: Buffer.concat(toServer), toClient: Buffer.concat(toClient) })
  return { port: address.port, read }
}

/** Runs of so many bytes that come more than once. */
function repeated(bytes: Buffer, length: number): string[] {
  const seen = new Set<string>()
  const twice: string[] = []
  for (let at = 0; at + length <= bytes.length; at += 1) {
    const run = bytes.toString('hex', at, at + length)
    if (seen.has(run)) twice.push(run)
    seen.add(run)
  }
  return twice
}

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
