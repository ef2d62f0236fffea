import type { TestContext } from 'node:test'

import { nodeStatus, startApi } from '../support/api.ts'
import { startRegistry } from '../support/registry.ts'
import { createMemoryNetwork } from '../support/registry-transport.ts'
import { waitFor } from '../support/wait-for.ts'
import { apiContract } from './api-suite.ts'

apiContract('replicated registry', async (t: TestContext) => {
  const network = createMemoryNetwork()
  const { registry, identity } = await startRegistry(t, network)
  const status = nodeStatus({ peer_id: identity.peerId })
  const { url } = await startApi(t, {}, { registry, nodeStatus: () => status })
  return {
    url,
    ownPeerId: identity.peerId,
    addForeign: async (database, localId, value) => {
      const other = await startRegistry(t, network)
      network.connect(identity.peerId, other.identity.peerId)
      await other.registry.writer.put(database, localId, value)
      await waitFor(() => registry.view.get(database, localId), {
        message: `the other station's ${localId} to arrive`,
      })
      return other.identity.peerId
    },
  }
})
