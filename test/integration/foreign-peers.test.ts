import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { type Station, startStation } from '../support/node.ts'
import { waitFor } from '../support/wait-for.ts'

const KEY = 'ab'.repeat(32)

describe('a station of another network', { timeout: 60_000 }, () => {
  it('is counted with the reason where it comes to', async (t) => {
    const [open, keyed] = await Promise.all([
      startStation(t),
      startStation(t, { env: { NETWORK_KEY: KEY } }),
    ])
    await Promise.all([
      startStation(t, {
        env: { NETWORK_NAME: 'elsewhere', ORBITDB_BOOTSTRAP_PEERS: open.address() },
      }),
      startStation(t, { env: { ORBITDB_BOOTSTRAP_PEERS: keyed.address() } }),
    ])
    const told = async (station: Station, reason: string) =>
      (await station.metrics()).get(`wesense_peers_foreign_total{reason="${reason}"}`) ?? 0
    await waitFor(async () => (await told(keyed, 'network_key')) > 0, {
      timeoutMs: 15_000,
      message: 'one without the network key is told',
    })
    await waitFor(async () => (await told(open, 'network')) > 0, {
      timeoutMs: 20_000,
      message: 'one of another name is told',
    })
    assert.equal(await told(open, 'handshake'), 0)
  })
})
