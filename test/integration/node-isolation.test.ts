import assert from 'node:assert/strict'
import { createHook } from 'node:async_hooks'
import { describe, it, type TestContext } from 'node:test'

import { freePort, makeStation, type StationNode, startStation } from '../support/node.ts'
import { waitFor } from '../support/wait-for.ts'

/** What Node makes for each outgoing connection, name lookup and datagram, whoever asks for it. */
const OUTGOING = new Set([
  'TCPCONNECTWRAP',
  'GETADDRINFOREQWRAP',
  'GETNAMEINFOREQWRAP',
  'QUERYWRAP',
  'UDPSENDWRAP',
  'PIPECONNECTWRAP',
])
/** Names that the libraries fix; the topics and databases behind them carry the network's name. */
const FIXED =
  /^(\/meshsub\/1\.[012]\.0|\/ipfs\/bitswap\/1\.2\.0|\/orbitdb\/heads\/orbitdb\/zdpu\w+)$/
const OBSERVED_MS = 3000

/** Everything that this process sends out while the test runs, below all libraries. */
function watchOutgoing(t: TestContext): string[] {
  const seen: string[] = []
  const hook = createHook({
    init: (_id, type) => {
      if (OUTGOING.has(type)) seen.push(type)
    },
  })
  hook.enable()
  t.after(() => hook.disable())
  return seen
}

function protocolsOf({ network }: StationNode): string[] {
  return network.libp2p.getProtocols()
}

describe('a station and the public IPFS', { timeout: 60_000 }, () => {
  it('have no protocol in common but those whose names libraries fix', async (t) => {
    const { node } = await startStation(t, {
      env: { ANNOUNCE_ADDRESS: '198.51.100.7', RELAY_ENABLED: 'true', NETWORK_NAME: 'our-net' },
    })
    const protocols = protocolsOf(node)
    const foreign = protocols.filter((one) => !one.startsWith('/our-net/') && !FIXED.test(one))
    assert.deepEqual(foreign.toSorted(), [
      '/libp2p/circuit/relay/0.2.0/hop',
      '/libp2p/circuit/relay/0.2.0/stop',
      '/libp2p/dcutr',
    ])
    for (const own of ['id/1.0.0', 'ping/1.0.0', 'kad/1.0.0', 'peer-exchange/1.0.0']) {
      assert.ok(protocols.includes(`/our-net/${own}`), own)
    }
    for (const of of [
      '/ipfs/kad/1.0.0',
      '/ipfs/lan/kad/1.0.0',
      '/ipfs/id/1.0.0',
      '/ipfs/ping/1.0.0',
    ])
      assert.ok(!protocols.includes(of), of)
  })

  it('share no service: no delegated routing, no automatic certificate, no port mapping', async (t) => {
    const { node } = await makeStation(t, { env: { RELAY_ENABLED: 'true' } })
    assert.deepEqual(Object.keys(node.network.libp2p.services).sort(), [
      'addresses',
      'dcutr',
      'dht',
      'gossipsub',
      'identify',
      'identifyPush',
      'ping',
    ])
  })

  it('never meet: with no seed and no saved address nothing at all leaves the machine', async (t) => {
    const outgoing = watchOutgoing(t)
    const [plain, bootstrap] = [
      await startStation(t),
      await startStation(t, { env: { ANNOUNCE_ADDRESS: '198.51.100.7' } }),
    ]
    const startedAt = performance.now()
    await plain.node.registry.writer.put('nodes', 'ingester-1', { regions: ['nz'] })
    await waitFor(() => bootstrap.node.registry.view.get('nodes', bootstrap.peerId), {
      message: 'the bootstrap registered itself',
    })
    await waitFor(() => performance.now() - startedAt >= OBSERVED_MS, {
      message: 'the time of observation is over',
    })
    assert.deepEqual(outgoing, [])
    assert.deepEqual(plain.node.network.peers(), [])
    assert.deepEqual(
      [...(await bootstrap.metrics()).keys()].filter((name) =>
        /dials_total|opened_total/.test(name),
      ),
      [],
    )
  })

  it('would be seen: the same observation notices a seed that is dialled', async (t) => {
    const outgoing = watchOutgoing(t)
    const seed = `127.0.0.1:${await freePort()}`
    const { node } = await startStation(t, { env: { ORBITDB_BOOTSTRAP_PEERS: seed } })
    await waitFor(() => outgoing.includes('TCPCONNECTWRAP'), { message: 'the dial is seen' })
    await waitFor(() => node.network.status().seeds[0]?.lastError !== null, {
      message: 'the seed does not answer',
    })
  })
})
