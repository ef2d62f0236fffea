import assert from 'node:assert/strict'
import { it, suite, type TestContext } from 'node:test'
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'

import { identifyMessage, linkBadPage } from '../support/bad-page.ts'
import { withLength } from '../support/fuzz/payloads.ts'
import { startStation } from '../support/node.ts'
import { startPage } from '../support/page-process.ts'
import { waitFor } from '../support/wait-for.ts'

/** Of the page's own time: unguarded it is 0.3 s and more. */
const FREE_MS = 150
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
