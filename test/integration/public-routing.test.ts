import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { call } from '../support/api.ts'
import { type Station, startStation } from '../support/node.ts'
import { waitFor } from '../support/wait-for.ts'

function publicUrl({ node }: Station): string {
  const address = node.publicApi?.status()?.address
  assert.ok(address !== undefined, 'there is a public listener')
  return `http://127.0.0.1:${address.port}`
}

describe('Delegated Routing at a station', { timeout: 60_000 }, () => {
  it('finds a peer that it is not connected to through the DHT of the network', async (t) => {
    const quiet = { PEER_EXCHANGE_ENABLED: 'false', TARGET_PEERS: '1' }
    const middle = await startStation(t, { env: quiet })
    const env = { ...quiet, ORBITDB_BOOTSTRAP_PEERS: middle.address() }
    const wanted = await startStation(t, { env })
    const face = await startStation(t, {
      env: { ...env, PUBLIC_PORT: '0', PUBLIC_HOST: '127.0.0.1' },
    })
    const isConnected = () =>
      face.node.network.peers().some(({ peerId }) => peerId === middle.peerId)
    await waitFor(isConnected, { timeoutMs: 15_000, message: 'connected to the middle' })
    assert.equal(face.node.registry.view.get('nodes', wanted.peerId), null)
    const found = await waitFor(
      async () => {
        const { json } = await call(publicUrl(face), `/routing/v1/peers/${wanted.peerId}`)
        return json.Peers[0]
      },
      { timeoutMs: 40_000, message: 'the DHT knows the peer' },
    )
    assert.deepEqual(found.Addrs, [`/ip4/${wanted.address().replace(':', '/tcp/')}`])
    const isLinked = face.node.network.peers().some(({ peerId }) => peerId === wanted.peerId)
    assert.ok(!isLinked, 'looking for a peer connects nobody to it')
  })
})
