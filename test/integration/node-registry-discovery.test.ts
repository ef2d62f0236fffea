import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { freePort, type Station, startStation } from '../support/node.ts'
import { waitFor } from '../support/wait-for.ts'

/** The registry is the only source. */
const REGISTRY_ALONE = { DHT_ENABLED: 'false', PEER_EXCHANGE_ENABLED: 'false' }
const FOUND = 'wesense_dials_total{outcome="ok",source="registry"}'

function connectedTo({ node }: Station): string[] {
  return node.network.peers().map(({ peerId }) => peerId)
}

/** Two stations that have a seed in common and nothing else; the wanted one announces an address. */
async function triangle(
  t: TestContext,
  addressOf: (port: number) => string,
  finderEnv: Readonly<Record<string, string>> = {},
) {
  const middle = await startStation(t, { env: REGISTRY_ALONE })
  const env = { ...REGISTRY_ALONE, ORBITDB_BOOTSTRAP_PEERS: middle.address() }
  const port = await freePort()
  const wanted = await startStation(t, {
    // Content with its seed, so that a connection can only be the finder's work.
    env: {
      ...env,
      LIBP2P_PORT: String(port),
      ANNOUNCE_ADDRESS: addressOf(port),
      TARGET_PEERS: '1',
    },
  })
  const startedAt = performance.now()
  const finder = await startStation(t, { env: { ...env, ...finderEnv } })
  const isRecordThere = () => finder.node.registry.view.get('nodes', wanted.peerId) !== null
  return { middle, wanted, finder, isRecordThere, ms: () => performance.now() - startedAt }
}

describe('a station whose address only its record names', { timeout: 60_000 }, () => {
  const forms: readonly [string, (port: number) => string][] = [
    ['host:port', (port) => `127.0.0.1:${port}`],
    ['a host alone, on a port of its own', () => '127.0.0.1'],
    ['a name', (port) => `localhost:${port}`],
    ['a multiaddr', (port) => `/ip4/127.0.0.1/tcp/${port}`],
  ]
  for (const [form, addressOf] of forms) {
    it(`is found when it announces ${form}`, async (t) => {
      const { wanted, finder, ms } = await triangle(t, addressOf)
      await waitFor(() => connectedTo(finder).includes(wanted.peerId), {
        timeoutMs: 15_000,
        message: 'connected to the station of the record',
      })
      t.diagnostic(`found ${Math.round(ms())} ms after the finder began to start`)
      assert.equal((await finder.metrics()).get(FOUND), 1)
    })
  }

  it('is not found by a station that does not look there', async (t) => {
    const { middle, wanted, finder, isRecordThere } = await triangle(
      t,
      (port) => `127.0.0.1:${port}`,
      { REGISTRY_DISCOVERY_ENABLED: 'false' },
    )
    await waitFor(isRecordThere, { timeoutMs: 15_000, message: 'the record' })
    // Its own record would have led the wanted one here by now, had anybody looked at one.
    await finder.node.registry.writer.put('nodes', 'a-last-word', {})
    await waitFor(() => wanted.node.registry.view.get('nodes', 'a-last-word') !== null, {
      timeoutMs: 15_000,
      message: 'what the finder wrote after it had the record',
    })
    assert.deepEqual(connectedTo(finder), [middle.peerId])
    assert.equal((await finder.metrics()).get(FOUND), undefined)
  })

  it('is found from the disk: a record that was there before the start is proposed too', async (t) => {
    const { middle, wanted, finder, isRecordThere } = await triangle(
      t,
      (port) => `127.0.0.1:${port}`,
      { REGISTRY_DISCOVERY_ENABLED: 'false' },
    )
    await waitFor(isRecordThere, { timeoutMs: 15_000, message: 'the record' })
    await finder.node.stop()
    await middle.node.stop()
    // The same data, now with the registry as a source and with nobody left to tell of it.
    const again = await startStation(t, { dataDir: finder.dataDir, env: REGISTRY_ALONE })
    await waitFor(() => connectedTo(again).includes(wanted.peerId), {
      timeoutMs: 15_000,
      message: 'connected to the station of the stored record',
    })
    assert.equal((await again.metrics()).get(FOUND), 1)
    await again.node.stop()
  })
})
