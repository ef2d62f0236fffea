import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { rootCertificates, setDefaultCACertificates } from 'node:tls'
import type { Connection, Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'

import { createClientLibp2p } from '../../src/client/create-libp2p.ts'
import { DialPermits } from '../../src/client/dial-permits.ts'
import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { createMetrics } from '../../src/telemetry/index.ts'
import { startHost } from '../support/host.ts'
import { TEST_TLS } from '../support/tls.ts'
import { waitFor } from '../support/wait-for.ts'
import {
  closed,
  maskedFrame,
  OPCODE,
  secureUpgradedSocket,
  upgradedSocket,
  WS_LISTEN,
  wsAddress,
} from '../support/websocket.ts'

const BULK = '/test/bulk/1.0.0'
const BULK_BYTES = 8 * 1024 * 1024
/** Close frames with the codes 1008 and 1009. */
const TOO_MANY = /88..03f0/
const TOO_BIG = /88..03f1/
const BAD_FRAME = /wesense_websocket_guard_total\{event="bad-frame"\} 1\b/

setDefaultCACertificates([...rootCertificates, TEST_TLS.cert])

describe('before anybody is known', () => {
  it('a message in more pieces than any library makes ends its socket', async (t) => {
    const host = await startHost(t, { listen: WS_LISTEN })
    const socket = await upgradedSocket(t, host)
    const end = closed(socket)
    socket.write(maskedFrame(OPCODE.binary, Buffer.of(1), false))
    for (let count = 1; count <= 32; count += 1) {
      socket.write(maskedFrame(OPCODE.continuation, Buffer.of(1), false))
    }
    assert.match((await end).toString('hex'), TOO_MANY)
  })

  it('a frame in thousands of pieces ends its socket before they are joined', async (t) => {
    const metrics = createMetrics()
    const listen = { ...WS_LISTEN, ws: { port: 0, tls: TEST_TLS } }
    const host = await startHost(t, { listen }, { metrics })
    const socket = await secureUpgradedSocket(t, host)
    const end = closed(socket)
    socket.write(maskedFrame(OPCODE.binary, Buffer.alloc(100_000)).subarray(0, 14))
    // TLS makes a record of each that is written by itself.
    for (let count = 0; count < 1_100 && !socket.destroyed; count += 1) {
      await new Promise((resolve) => socket.write(Buffer.of(1), resolve))
    }
    await end
    assert.match(await metrics.text(), BAD_FRAME)
  })

  for (const [frames, frame] of [
    ['pings', maskedFrame(OPCODE.ping, Buffer.alloc(8))],
    ['pongs', maskedFrame(OPCODE.pong, Buffer.alloc(8))],
    ['messages of nothing', maskedFrame(OPCODE.binary)],
    ['texts of nothing', maskedFrame(OPCODE.text)],
  ] as const) {
    it(`${frames} without end end their socket`, async (t) => {
      const metrics = createMetrics()
      const host = await startHost(t, { listen: WS_LISTEN }, { metrics })
      const socket = await upgradedSocket(t, host)
      const end = closed(socket)
      for (let count = 0; count < 500; count += 1) socket.write(frame)
      await end
      assert.match(await metrics.text(), BAD_FRAME)
    })
  }

  it('a message that is longer than a few of noise is refused at its header', async (t) => {
    const host = await startHost(t, { listen: WS_LISTEN })
    const socket = await upgradedSocket(t, host)
    const end = closed(socket)
    socket.write(maskedFrame(OPCODE.binary, Buffer.alloc(256 * 1024 + 1)).subarray(0, 14))
    assert.match((await end).toString('hex'), TOO_BIG)
  })
})

describe('many bytes come whole', () => {
  for (const [over, listen] of [
    ['a WebSocket', WS_LISTEN],
    ['a secure WebSocket', { ...WS_LISTEN, ws: { port: 0, tls: TEST_TLS } }],
  ] as const) {
    it(`over ${over}, from and to another node`, async (t) => {
      const [host, visitor] = [await startHost(t, { listen }), await startHost(t)]
      await visitor.dial([`${wsAddress(host)}/p2p/${host.peerId}`])
      await exchange(host.libp2p, visitor.libp2p)
    })

    it(`over ${over}, from and to what uses the WebSocket of Node`, async (t) => {
      const host = await startHost(t, { listen })
      const { privateKey } = await createEphemeralIdentity()
      const network = 'test'
      const client = await createClientLibp2p({
        network,
        privateKey,
        permits: new DialPermits([multiaddr(wsAddress(host))]),
        iceServers: [],
        relays: 0,
        hasWebRtc: false,
      })
      t.after(() => client.stop())
      await client.start()
      await client.dial(multiaddr(`${wsAddress(host)}/p2p/${host.peerId}`))
      await exchange(host.libp2p, client)
    })
  }

  it('over a WebSocket of a private network, however much waits', async (t) => {
    const networkKey = randomBytes(32)
    const host = await startHost(t, { listen: WS_LISTEN, networkKey })
    const visitor = await startHost(t, { networkKey })
    await visitor.dial([`${wsAddress(host)}/p2p/${host.peerId}`])
    await exchange(host.libp2p, visitor.libp2p)
  })

  it('in messages of 64 KiB and a length, in pieces of 4 KiB', async (t) => {
    const host = await startHost(t, { listen: WS_LISTEN })
    const bytes = randomBytes(65_537)
    const pieces = Math.ceil(bytes.length / 4096)
    const socket = await upgradedSocket(t, host)
    const end = closed(socket)
    for (let i = 0; i < pieces; i += 1) {
      const piece = bytes.subarray(i * 4096, (i + 1) * 4096)
      socket.write(
        maskedFrame(i === 0 ? OPCODE.binary : OPCODE.continuation, piece, i === pieces - 1),
      )
    }
    // libp2p knows no such proposal and ends it in order; no close frame names a code.
    assert.doesNotMatch((await end).toString('hex'), /88..03/)
  })
})

/** Sends a lot on several streams each way at once. */
async function exchange(one: Libp2p, other: Libp2p): Promise<void> {
  const ends = [one, other]
  const received = [0, 0]
  for (const [index, end] of ends.entries()) {
    await end.handle(BULK, async (stream) => {
      for await (const bytes of stream) received[index] = (received[index] ?? 0) + bytes.byteLength
    })
  }
  const links = await Promise.all(
    ends.map((end) => waitFor(() => end.getConnections()[0], { message: 'connected' })),
  )
  const streams = 4
  await Promise.all(
    links.flatMap((link) =>
      Array.from({ length: streams }, () => send(link, BULK_BYTES / streams)),
    ),
  )
  await waitFor(() => received.every((bytes) => bytes === BULK_BYTES), {
    timeoutMs: 30_000,
    message: 'all has come',
  })
  assert.deepEqual(
    links.map(({ status }) => status),
    ['open', 'open'],
  )
}

async function send(link: Connection, total: number): Promise<void> {
  const stream = await link.newStream(BULK)
  const bytes = randomBytes(128 * 1024)
  for (let sent = 0; sent < total; sent += bytes.length) {
    if (!stream.send(bytes)) await once(stream, 'drain')
  }
  await stream.close()
}
