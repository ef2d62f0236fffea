import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import type { Connection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'

import type { Host } from '../../src/network/host.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { AutonatClient, autonatProtocols } from '../../src/network/reachability/autonat-client.ts'
import { AutonatServer } from '../../src/network/reachability/autonat-server.ts'
import {
  DIAL,
  decodeRequest,
  encodeDialBack,
  encodeResponse,
  RESPONSE,
} from '../../src/network/reachability/autonat-wire.ts'
import { FrameReader, framed } from '../../src/network/reachability/frames.ts'
import { createReachabilityMetrics } from '../../src/network/reachability/metrics.ts'
import { Libp2pPeerStream } from '../../src/network/streams.ts'
import { createMetrics, silentLogger } from '../../src/telemetry/index.ts'
import { connect, startHost } from '../support/host.ts'
import { freePort } from '../support/node.ts'
import { waitFor } from '../support/wait-for.ts'
import { ManualClock } from '../unit/network/fakes.ts'

const PROTOCOLS = autonatProtocols('test')
const PUBLIC = '/ip4/203.0.113.7/tcp/4002'
const limits = hostLimits(1024).streams

interface Ends {
  readonly client: Host
  readonly friend: Host
}

/** How a server's friend comes by the connection over which it tells the nonce. */
const WAYS = {
  fresh: ({ client, friend }: Ends) =>
    friend.dial([`${client.listenAddresses()[0]}/p2p/${client.peerId}`]),
  outbound: async ({ client, friend }: Ends) => {
    await client.dial([`${friend.listenAddresses()[0]}/p2p/${friend.peerId}`])
    const find = () => friend.libp2p.getConnections(client.libp2p.peerId)[0]
    return waitFor(find, { message: 'the connection that the client opened' })
  },
}

const DIAL_BACKS = {
  'believes a dial-back': { address: null, way: 'fresh', result: 'reached' },
  'does not believe that the internet gets through when its LAN does': {
    address: PUBLIC,
    way: 'fresh',
    result: 'declined',
  },
  'believes none over a connection that was there before': {
    address: null,
    way: 'earlier',
    result: 'declined',
  },
  'believes none over a connection that it opened itself': {
    address: null,
    way: 'outbound',
    result: 'declined',
  },
} as const

interface ServerOptions {
  readonly isLocalServed?: boolean
  /** @default a new one */
  readonly host?: Host
}

async function startServer(t: TestContext, options: ServerOptions = {}) {
  const { isLocalServed = true, host = await startHost(t) } = options
  const registry = createMetrics()
  const clock = new ManualClock()
  const server = new AutonatServer(
    PROTOCOLS,
    { isLocalServed: () => isLocalServed },
    {
      host,
      limits,
      clock,
      logger: silentLogger,
      metrics: createReachabilityMetrics(registry, () => 'unknown'),
    },
  )
  await server.start()
  t.after(() => server.stop())
  const counted = async (outcome: string) =>
    Number(
      new RegExp(`dial_backs_total\\{outcome="${outcome}"\\} (\\d+)`).exec(
        await registry.text(),
      )?.[1] ?? 0,
    )
  return { host, clock, counted }
}

async function startClient(t: TestContext, server: Host) {
  const host = await startHost(t)
  const client = new AutonatClient(PROTOCOLS, {
    libp2p: host.libp2p,
    transport: host.transport,
    limits,
  })
  await client.start()
  t.after(() => client.stop())
  await connect(host, server)
  const [own = ''] = host.listenAddresses()
  const ask = (address: string) => client.ask(server.peerId, address, AbortSignal.timeout(15_000))
  return { host, own, ask }
}

/** Each asker seems to be at another address, 127.0.9.1 and so on. */
function pretendManyHosts(t: TestContext, host: Host): void {
  let hosts = 0
  const { handle } = host.libp2p
  t.mock.method(
    host.libp2p,
    'handle',
    (...[protocol, handler, options]: Parameters<typeof handle>) =>
      handle.call(
        host.libp2p,
        protocol,
        (stream: Stream, connection: Connection) => {
          const remoteAddr = multiaddr(`/ip4/127.0.9.${++hosts}/tcp/5000`)
          const get = (target: Connection, key: keyof Connection) =>
            key === 'remoteAddr' ? remoteAddr : target[key]
          return handler(stream, new Proxy(connection, { get: get as never }))
        },
        options,
      ),
  )
}

/** A port at which connections are taken and nothing is said until they are released. */
async function startMute(t: TestContext) {
  const sockets: Socket[] = []
  let isReleased = false
  const server = createServer((socket) => {
    socket.on('error', () => {})
    sockets.push(socket)
    if (isReleased) socket.destroy()
  })
  const release = () => {
    isReleased = true
    for (const socket of sockets) socket.destroy()
  }
  t.after(() => {
    release()
    server.close()
  })
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { port, dialed: () => sockets.length, release }
}

describe('AutoNAT', { timeout: 120_000 }, () => {
  it('finds a listener that can be reached, and closes the connection that it made', async (t) => {
    const { host, counted } = await startServer(t)
    const client = await startClient(t, host)
    assert.equal(await client.ask(client.own), 'reached')
    assert.equal(await counted('reached'), 1)
    const connections = host.libp2p.getConnections(client.host.libp2p.peerId)
    assert.equal(connections.filter(({ status }) => status === 'open').length, 1)
  })

  it('finds a port that nobody listens on', async (t) => {
    const { host, counted } = await startServer(t)
    const client = await startClient(t, host)
    assert.equal(await client.ask(`/ip4/127.0.0.1/tcp/${await freePort()}`), 'unreached')
    assert.equal(await counted('unreached'), 1)
  })

  it('finds a port at which somebody else answers', async (t) => {
    const { host } = await startServer(t)
    const client = await startClient(t, host)
    const [other = ''] = (await startHost(t)).listenAddresses()
    assert.equal(await client.ask(other), 'unreached')
  })

  for (const [what, address] of [
    ['another host', '/ip4/127.0.0.2/tcp/4002'],
    ['a port of the system', '/ip4/127.0.0.1/tcp/25'],
    ['a port of a web server', '/ip4/127.0.0.1/tcp/443'],
    ['a name', '/dns4/localhost/tcp/4002'],
    ['a name in TLS', '/ip4/127.0.0.1/tcp/4002/tls/sni/localhost/ws'],
    ['UDP', '/ip4/127.0.0.1/udp/4002/quic-v1'],
  ] as const) {
    it(`is not to be had for ${what}`, async (t) => {
      const { host, counted } = await startServer(t)
      const client = await startClient(t, host)
      assert.equal(await client.ask(address), 'declined')
      assert.equal(await counted('refused'), 1)
    })
  }

  it('dials no private address back where that means nothing', async (t) => {
    const { host, counted } = await startServer(t, { isLocalServed: false })
    const client = await startClient(t, host)
    assert.equal(await client.ask(client.own), 'declined')
    assert.equal(await counted('refused'), 1)
  })

  it('dials one host back every two seconds', async (t) => {
    const { host, clock, counted } = await startServer(t)
    const client = await startClient(t, host)
    assert.equal(await client.ask(client.own), 'reached')
    assert.equal(await client.ask(client.own), 'declined')
    await clock.advance(2000)
    assert.equal(await client.ask(client.own), 'reached')
    assert.equal(await counted('limited'), 1)
    assert.equal(await counted('reached'), 2)
  })

  it('is one asker for each host, whatever names it has', async (t) => {
    const { host, clock, counted } = await startServer(t)
    const [one, other] = [await startClient(t, host), await startClient(t, host)]
    assert.equal(await one.ask(one.own), 'reached')
    assert.equal(await other.ask(other.own), 'declined')
    assert.equal(await counted('limited'), 1)
    await clock.advance(2000)
    assert.equal(await other.ask(other.own), 'reached')
    clock.setBack(3_600_000)
    assert.equal(await one.ask(one.own), 'reached')
  })

  it('dials one a second back, from however many hosts they come', async (t) => {
    const host = await startHost(t)
    pretendManyHosts(t, host)
    const { counted, clock } = await startServer(t, { host })
    const port = await freePort()
    for (let n = 1; n <= 6; n++) {
      const { ask } = await startClient(t, host)
      const result = await ask(`/ip4/127.0.9.${n}/tcp/${port}`)
      assert.equal(result, n <= 3 ? 'unreached' : 'declined')
    }
    assert.deepEqual([await counted('unreached'), await counted('limited')], [3, 3])
    await clock.advance(1000)
    const { ask } = await startClient(t, host)
    assert.equal(await ask(`/ip4/127.0.9.7/tcp/${port}`), 'unreached')
  })

  it('dials four back at a time, however long they take to answer', async (t) => {
    const host = await startHost(t)
    pretendManyHosts(t, host)
    const { counted, clock } = await startServer(t, { host })
    const { port, dialed, release } = await startMute(t)
    const clients: Awaited<ReturnType<typeof startClient>>[] = []
    for (let n = 1; n <= 6; n++) clients.push(await startClient(t, host))
    const ask = async (n: number) =>
      clients[n - 1]?.ask(`/ip4/127.0.9.${n}/tcp/${port}`) ?? 'no client'
    const asked: Promise<string>[] = []
    for (let n = 1; n <= 4; n++) {
      asked.push(ask(n))
      await waitFor(() => dialed() === n, { message: `dial-back ${n} is under way` })
      await clock.advance(1000)
    }
    assert.equal(await ask(5), 'declined')
    assert.equal(await counted('limited'), 1)
    release()
    assert.deepEqual(await Promise.all(asked), Array(4).fill('unreached'))
    await clock.advance(1000)
    assert.equal(await ask(6), 'unreached')
  })

  for (const [what, { address, way, result }] of Object.entries(DIAL_BACKS)) {
    it(what, async (t) => {
      const host = await startHost(t)
      const client = await startClient(t, host)
      const friend = await startHost(t)
      const ends = { client: client.host, friend }
      const earlier = way === 'earlier' ? await WAYS.fresh(ends) : null
      await host.libp2p.handle(PROTOCOLS.request, async (stream, connection) => {
        const peerStream = new Libp2pPeerStream(stream, connection.remotePeer.toString(), limits)
        const { nonce } = decodeRequest(await new FrameReader(peerStream.chunks(), 2048).next())
        const back = earlier ?? (await WAYS[way === 'outbound' ? way : 'fresh'](ends))
        const told = await back.newStream(PROTOCOLS.dialBack)
        told.send(framed(encodeDialBack(nonce)))
        const answers = new Libp2pPeerStream(told, client.host.peerId, limits).chunks()
        await new FrameReader(answers, 2048).next()
        const answer = encodeResponse({ status: RESPONSE.ok, dialStatus: DIAL.ok })
        await peerStream.send(framed(answer), AbortSignal.timeout(5000))
        await peerStream.close(AbortSignal.timeout(5000))
      })
      assert.equal(await client.ask(address ?? client.own), result)
    })
  }

  it('believes no server that says so without having dialled', async (t) => {
    const host = await startHost(t)
    const yes = Uint8Array.from([9, 0x12, 7, 0x08, 0xc8, 0x01, 0x10, 0x00, 0x18, 0xc8, 0x01])
    yes[0] = yes.length - 1
    yes[2] = yes.length - 3
    await host.libp2p.handle(PROTOCOLS.request, async (stream) => {
      stream.send(yes)
      await stream.close()
    })
    const client = await startClient(t, host)
    assert.equal(await client.ask(client.own), 'declined')
  })

  it('waits for no server that says nothing', async (t) => {
    const host = await startHost(t)
    await host.libp2p.handle(PROTOCOLS.request, (stream) => stream.abort(new Error('no')))
    const client = await startClient(t, host)
    assert.equal(await client.ask(client.own), 'declined')
  })
})
