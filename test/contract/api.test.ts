import { OTHER_PEER_ID, OWN_PEER_ID, startApi } from '../support/api.ts'
import { apiContract } from './api-suite.ts'

apiContract('registry in memory', async (t) => {
  const { url, registry } = await startApi(t)
  return {
    url,
    ownPeerId: OWN_PEER_ID,
    addForeign: async (database, localId, value) => {
      registry.addForeign(OTHER_PEER_ID, database, localId, { ...value })
      return OTHER_PEER_ID
    },
  }
})
