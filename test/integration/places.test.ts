import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { hostLimits } from '../../src/network/index.ts'
import { addressOf, connectedTo, startNetwork, testNetwork } from '../support/network.ts'
import { waitFor } from '../support/wait-for.ts'

const LIMITS = hostLimits(1_024)

test('a network keeps places for peers that the operator named, and its status tells how many', async (t) => {
  const friend = await createEphemeralIdentity()
  const connectionManager = { ...LIMITS.connectionManager, maxConnections: 5 }
  const hub = await startNetwork(t, {
    limits: { ...LIMITS, connectionManager },
    namedPeers: [friend.peerId],
  })
  const seed = addressOf(hub.network)
  const visit = async (identity = createEphemeralIdentity()) => {
    const { network } = await testNetwork(t, { identity: await identity })
    await network.start()
    await network.host.dial([seed]).catch(() => {})
    return network.peerId
  }
  for (let n = 0; n < 4; n++) await visit()
  await waitFor(() => connectedTo(hub.network).length === 4, { message: 'four strangers' })
  assert.deepEqual(hub.network.status().places, { total: 4, known: 0, keptFree: 1 })
  const refused = await visit()
  const isCounted = async () => /cap="full"\} 1/.test(await hub.metrics.text())
  await waitFor(isCounted, { message: 'a fifth stranger is refused' })
  await visit(Promise.resolve(friend))
  await waitFor(() => connectedTo(hub.network).includes(friend.peerId), { message: 'the friend' })
  assert.equal(connectedTo(hub.network).includes(refused), false)
  assert.deepEqual(hub.network.status().places, { total: 5, known: 1, keptFree: 0 })
  const text = await hub.metrics.text()
  assert.match(text, /wesense_connections_known 1\n/)
  assert.match(text, /wesense_places_kept 0\n/)
  assert.match(text, /wesense_handshakes 0\n/)
})
