import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { RegistryReader } from '../../src/client/registry.ts'
import { verifySignature } from '../../src/identity/index.ts'
import { openSignedBootstrap } from '../../src/wire/signed-bootstrap.ts'
import { call } from '../support/api.ts'
import { freePort, type Station, startStation } from '../support/node.ts'
import { waitFor } from '../support/wait-for.ts'

function publicUrl({ node }: Station): string {
  const address = node.publicApi?.status()?.address
  assert.ok(address !== undefined, 'there is a public listener')
  return `http://127.0.0.1:${address.port}`
}

/** A bootstrap on loopback with a public listener, and a station that lists it. */
async function pair(t: TestContext) {
  const port = await freePort()
  const env = { LIBP2P_PORT: String(port), ANNOUNCE_ADDRESS: `127.0.0.1:${port}` }
  const bootstrap = await startStation(t, { env: { ...env, RELAY_ENABLED: 'true' } })
  const face = await startStation(t, {
    env: {
      ORBITDB_BOOTSTRAP_PEERS: bootstrap.address(),
      PUBLIC_PORT: '0',
      PUBLIC_HOST: '127.0.0.1',
    },
  })
  await waitFor(() => face.node.registry.view.get('nodes', bootstrap.peerId) !== null, {
    timeoutMs: 15_000,
    message: "the bootstrap's record at the station",
  })
  return { bootstrap, face, url: publicUrl(face) }
}

describe('the public listener of a station', { timeout: 60_000 }, () => {
  it('is not there unless it is asked for', async (t) => {
    const { node } = await startStation(t)
    assert.equal(node.publicApi, null)
  })

  it('tells of a bootstrap that is alive, in a document that its own key signed', async (t) => {
    const { bootstrap, face, url } = await pair(t)
    const check = {
      network: 'wesense',
      nowMs: Date.now(),
      signer: face.peerId,
      verify: async (peerId: string, bytes: Uint8Array, signature: Uint8Array) =>
        verifySignature(peerId, bytes, signature),
    }
    const answer = await waitFor(
      async () => {
        const got = await call(url, '/bootstrap')
        return got.json.peers.some(({ id }: { id: string }) => id === bootstrap.peerId) && got
      },
      { timeoutMs: 20_000, message: 'the bootstrap is told of' },
    )
    const document = await openSignedBootstrap(answer.json, check)
    const told = document?.peers.find(({ id }) => id === bootstrap.peerId)
    assert.deepEqual(told?.addrs, [
      `/ip4/${bootstrap.address().replace(':', '/tcp/')}/p2p/${bootstrap.peerId}`,
    ])
    assert.deepEqual(told?.roles, ['bootstrap', 'relay'])
    const forged = structuredClone(answer.json)
    forged.peers[0].addrs[0] = `/ip4/203.0.113.66/tcp/4002/p2p/${forged.peers[0].id}`
    assert.equal(await openSignedBootstrap(forged, check), null)
    const again = await call(url, '/bootstrap', {
      headers: { 'if-none-match': String(answer.headers.etag) },
    })
    assert.equal(again.status, 304)
  })

  it('gives the registry as entries that a client checks by itself', async (t) => {
    const { bootstrap, face, url } = await pair(t)
    await face.node.registry.writer.put('nodes', 'on-the-roof', { node_name: 'Roof' })
    const reader = new RegistryReader({ network: 'wesense', url })
    const stations = await waitFor(
      async () => {
        const read = await reader.nodes()
        return read.nodes.length === 2 && read
      },
      { timeoutMs: 15_000, message: 'both records' },
    )
    assert.equal(stations.refused, 0)
    const authors = new Map(stations.nodes.map((one) => [one.ingesterId, one.author]))
    assert.equal(authors.get('on-the-roof'), face.peerId)
    assert.equal(authors.get(bootstrap.peerId), bootstrap.peerId)
  })
})
