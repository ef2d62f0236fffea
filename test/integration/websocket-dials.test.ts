import assert from 'node:assert/strict'
import { type EventEmitter, once } from 'node:events'
import { type AddressInfo, createServer, type LookupFunction, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import type { Transport } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { withGuardedDials } from '../../src/network/guards/websocket-dials.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { createMetrics } from '../../src/telemetry/index.ts'
import { startHost } from '../support/host.ts'
import { frameHead, OPCODE } from '../support/websocket.ts'
import { rawWebSocketServer } from '../support/websocket-server.ts'

const SENT_AT_MOST = 200 * 1024 * 1024
const frame = (opcode: number, payload: Uint8Array, isLast = true) =>
  Buffer.concat([frameHead(opcode, payload.length, { isLast }), payload])
const repeated = (bytes: Buffer, count: number) => Buffer.concat(new Array(count).fill(bytes))

const FLOODS = {
  pings: { first: Buffer.alloc(0), rest: repeated(frame(OPCODE.ping, Buffer.alloc(125)), 500) },
  'a message in pieces, with pongs between': {
    first: frame(OPCODE.binary, Buffer.of(1), false),
    rest: Buffer.concat([
      frame(OPCODE.continuation, Buffer.of(1), false),
      repeated(frame(OPCODE.pong, Buffer.alloc(125)), 500),
    ]),
  },
  'messages of nothing': {
    first: Buffer.alloc(0),
    rest: repeated(frame(OPCODE.binary, Buffer.alloc(0)), 5_000),
  },
  'a message of a gigabyte': {
    first: frameHead(OPCODE.binary, 2 ** 30),
    rest: Buffer.alloc(64 * 1024),
  },
} as const

describe('a server that is dialled', () => {
  for (const [what, { first, rest }] of Object.entries(FLOODS)) {
    it(`and sends ${what} is hung up on long before the dial gives up`, async (t) => {
      const metrics = createMetrics()
      const [host, other] = [await startHost(t, {}, { metrics }), await startHost(t)]
      const port = await rawWebSocketServer(t, (socket) => {
        // It reads no answer.
        socket.pause()
        flood(socket, rest)
        return first
      })
      const limits = hostLimits(1_024)
      const startedAtMs = performance.now()
      await assert.rejects(host.dial([`/ip4/127.0.0.1/tcp/${port}/ws/p2p/${other.peerId}`]))
      const tookMs = performance.now() - startedAtMs
      assert.match(await metrics.text(), /wesense_websocket_guard_total\{event="bad-frame"\} 1\b/)
      assert.ok(tookMs < limits.connectionManager.addressDialTimeout / 2, `${tookMs} ms`)
    })
  }
})

describe('a dialled WebSocket', () => {
  it('hands on what came together with the answer to its upgrade', async (t) => {
    const hello = Buffer.from('hello')
    const port = await rawWebSocketServer(t, () => frame(OPCODE.binary, hello))
    const webSocket = await connect(`/ip4/127.0.0.1/tcp/${port}/ws`)
    t.after(() => webSocket.terminate())
    const [data] = await once(webSocket, 'message')
    assert.deepEqual(Buffer.from(data), hello)
  })

  it('asks the resolver that it was given', async (t) => {
    const port = await rawWebSocketServer(t, () => Buffer.alloc(0))
    const asked: string[] = []
    const webSocket = await connect(`/dns4/station.invalid/tcp/${port}/ws`, {
      lookup: (name, _, done) => {
        asked.push(name)
        done(null, [{ address: '127.0.0.1', family: 4 }])
      },
    })
    t.after(() => webSocket.terminate())
    assert.deepEqual(asked, ['station.invalid'])
  })

  it('goes to no address but those that were judged, whatever its name stands for by then', async (t) => {
    const server = createServer((socket) => socket.destroy())
    let connections = 0
    server.on('connection', () => connections++)
    t.after(() => server.close())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    let asked = 0
    const lookupName = async () => (asked++ === 0 ? ['203.0.113.66'] : ['127.0.0.1'])
    const listen = { hosts: ['0.0.0.0'], tcpPort: 0, ws: null }
    const host = await startHost(t, { listen }, { lookupName })
    // The system knows this name too.
    await assert.rejects(host.dial([`/dns4/localhost/tcp/${port}/ws`]), /leads inside: loopback/)
    assert.equal(asked, 2)
    assert.equal(connections, 0)
  })

  it('goes where a name leads that was judged, and where the operator wrote', async (t) => {
    const host = await startHost(t, {}, { lookupName: async () => ['127.0.0.1'] })
    const other = await startHost(t, {
      listen: { hosts: ['127.0.0.1'], tcpPort: 0, ws: { port: 0, tls: null } },
    })
    const address = other.listenAddresses().find((one) => one.includes('/ws')) ?? ''
    const port = multiaddr(address)
      .getComponents()
      .find(({ name }) => name === 'tcp')?.value
    const told = await host.dial([`/dns4/station.invalid/tcp/${port}/ws/p2p/${other.peerId}`])
    assert.equal(told.remotePeer.toString(), other.peerId)
    await told.close()
    const written = `/dns4/localhost/tcp/${port}/ws`
    host.dialPolicy.registerOperatorAddress(written)
    const seed = await host.dial([`${written}/p2p/${other.peerId}`])
    assert.equal(seed.remotePeer.toString(), other.peerId)
  })

  it('is given up when its dial is, and that is no bad frame', async (t) => {
    const controller = new AbortController()
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => controller.abort())
    })
    t.after(() => server.close())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const accepted = once(server, 'connection')
    const events: string[] = []
    const dial = connect(`/ip4/127.0.0.1/tcp/${port}/ws`, { signal: controller.signal, events })
    await assert.rejects(dial, { name: 'AbortError' })
    const [socket] = await accepted
    if (!socket.closed) await once(socket.resume(), 'close')
    assert.deepEqual(events, [])
  })
})

function flood(socket: Socket, bytes: Uint8Array): void {
  let sent = 0
  const go = () => {
    while (sent < SENT_AT_MOST && !socket.destroyed) {
      sent += bytes.length
      if (!socket.write(bytes)) {
        socket.once('drain', go)
        return
      }
    }
  }
  setImmediate(go)
}

type Dialled = EventEmitter & { terminate(): void }

interface ConnectOptions {
  readonly lookup?: LookupFunction | null
  readonly signal?: AbortSignal
  /** What is counted. */
  readonly events?: string[]
}

async function connect(
  address: string,
  { lookup = null, signal, events = [] }: ConnectOptions = {},
): Promise<Dialled> {
  const create = withGuardedDials(
    () => ({ _connect: () => {} }) as unknown as Transport,
    { limits: hostLimits(1_024).ws, lookupOf: () => lookup },
    { webSocketGuard: (event) => events.push(event) },
  )
  const dial: (address: Multiaddr, options: object) => Promise<Dialled> = Reflect.get(
    create(undefined),
    '_connect',
  )
  return await dial(multiaddr(address), { signal })
}
