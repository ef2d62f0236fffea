import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { it, suite, type TestContext } from 'node:test'
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'

import { connect } from '../../src/client/index.ts'
import { identifyMessage, isOver, linkBadPage, openCircuit } from '../support/bad-page.ts'
import { startBadRelay } from '../support/bad-relay.ts'
import { withLength } from '../support/fuzz/payloads.ts'
import { startStation } from '../support/node.ts'
import { startPage } from '../support/page-process.ts'
import { waitFor } from '../support/wait-for.ts'

/** Of the page's own time: unguarded it is 0.3 s and more. */
const FREE_MS = 150
const ENDLESS = Buffer.alloc(60_000, 0x80)
const CODE_P2P = [0xa5, 0x03]

/** A relay with the default policy, as a page dials it. */
async function relay(t: TestContext): Promise<string> {
  const station = await startStation(t, {
    env: { WS_ENABLED: 'true', WS_PORT: '0', RELAY_ENABLED: 'true' },
  })
  const [listen] = station.node.network.status().listen.filter((one) => one.endsWith('/ws'))
  return `${listen}/p2p/${station.peerId}`
}

/** An address with a peer ID of so many bytes. */
function longAddress(bytes: number): Uint8Array {
  return Buffer.concat([
    multiaddr('/ip4/203.0.113.9/tcp/1/ws').bytes,
    Buffer.from(CODE_P2P),
    withLength(Buffer.alloc(bytes, 0xff)),
  ])
}

suite('a page that another one is linked with through an honest relay', () => {
  it('is not held up by an address that takes a second to write', async (t) => {
    const at = await relay(t)
    const page = await startPage(t, at)
    const ms = await page.longestBlock(async () => {
      const bad = await linkBadPage(t, {
        relay: at,
        peerId: page.peerId,
        identity: (publicKey) => withLength(identifyMessage(publicKey, [longAddress(7_500)])),
      })
      await waitFor(() => bad.asked() > 0, { message: 'the page asks who that is' })
      await answersStill(bad)
    })
    assert.ok(ms < FREE_MS, `${ms} ms`)
  })

  it('is not held up by a length without an end in the answer who that is', async (t) => {
    const at = await relay(t)
    const page = await startPage(t, at)
    const ms = await page.longestBlock(async () => {
      const identity = () => ENDLESS
      const bad = await linkBadPage(t, { relay: at, peerId: page.peerId, identity })
      await waitFor(() => bad.asked() > 0, { message: 'the page asks who that is' })
      await answersStill(bad)
    })
    assert.ok(ms < FREE_MS, `${ms} ms`)
  })

  it('is not held up by one where a protocol is to be agreed upon', async (t) => {
    const at = await relay(t)
    const page = await startPage(t, at)
    const ms = await page.longestBlock(async () => {
      const bad = await linkBadPage(t, { relay: at, peerId: page.peerId })
      const stream = await bad.openRaw()
      stream.send(ENDLESS)
      await waitFor(() => isOver(stream), { timeoutMs: 10_000, message: 'its stream is ended' })
    })
    assert.ok(ms < FREE_MS, `${ms} ms`)
  })

  it('is not held up by one in a handshake', async (t) => {
    const at = await relay(t)
    const page = await startPage(t, at)
    const ms = await page.longestBlock(async () => {
      const circuit = await openCircuit(t, { relay: at, peerId: page.peerId })
      circuit.send(ENDLESS)
      await waitFor(() => isOver(circuit), { timeoutMs: 10_000, message: 'the circuit is ended' })
    })
    assert.ok(ms < FREE_MS, `${ms} ms`)
  })
})

suite('a page that has a place on a bad relay', () => {
  it('is not held up by a message that comes byte by byte', async (t) => {
    const bad = await startBadRelay(t)
    const page = await startPage(t, bad.address)
    const ms = await page.longestBlock(async () => {
      const stream = await bad.openInPieces()
      stream.send(Buffer.alloc(60_000))
      await waitFor(() => isOver(stream), { timeoutMs: 20_000, message: 'its stream is ended' })
    })
    assert.ok(ms < FREE_MS, `${ms} ms`)
  })

  it('dials nothing in the LAN that the relay names when it leaves', async (t) => {
    let dials = 0
    const lan = createServer((socket) => {
      dials += 1
      socket.destroy()
    })
    await once(lan.listen(0, '127.0.0.9'), 'listening')
    t.after(() => lan.close())
    const { port } = lan.address() as AddressInfo
    const bad = await startBadRelay(t, [`/ip4/127.0.0.9/tcp/${port}/ws`])
    await startPage(t, bad.address)
    const first = bad.connection()
    await first?.close()
    await waitFor(() => ![undefined, first].includes(bad.connection()), {
      timeoutMs: 10_000,
      message: 'the page comes back',
    })
    assert.equal(dials, 0)
  })
})

it('a page reads whatever another one answers at once with', async (t) => {
  const at = await relay(t)
  const [one, other] = [await connect({ bootstrap: at }), await connect({ bootstrap: at })]
  t.after(() => Promise.all([one.stop(), other.stop()]))
  const bytes = 8_000
  await other.handle('/test/high/1.0.0', (stream) => {
    stream.send(Buffer.alloc(bytes, 0xff))
  })
  const stream = await waitFor(() => one.open(other.peerId, '/test/high/1.0.0'), {
    timeoutMs: 10_000,
    message: 'a link',
  })
  let received = 0
  stream.addEventListener('message', ({ data }) => {
    received += data.byteLength
  })
  await waitFor(() => received === bytes, { message: 'all of it is there' })
})

/** Waits for an answer to something that is asked after all that was sent before. */
async function answersStill({ connection }: { readonly connection: Connection }): Promise<void> {
  const stream = await connection.newStream('/wesense/ping/1.0.0', { runOnLimitedConnection: true })
  let answered = 0
  stream.addEventListener('message', ({ data }) => {
    answered += data.byteLength
  })
  stream.send(Buffer.alloc(32, 7))
  await waitFor(() => answered >= 32, { timeoutMs: 10_000, message: 'the page answers' })
}
