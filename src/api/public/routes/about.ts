import { PROTOCOL_VERSION } from '../../../wire/signed-bootstrap.ts'
import { JSON_TYPE } from '../../http/json-type.ts'
import { setFreshness } from '../caching.ts'
import type { RegisterPublicRoutes } from '../context.ts'

const FRESHNESS = { maxAgeSeconds: 60, staleSeconds: 3_600 }

/** What listens here, for a client that checks where it is, a person, or a proxy that looks for signs of life. */
export const registerAboutRoute: RegisterPublicRoutes = (app, context) => {
  const { peerId, networkName, version, endpoints } = context
  const body = JSON.stringify({
    network: networkName,
    protocol: PROTOCOL_VERSION,
    peer_id: peerId,
    version,
    endpoints,
  })
  app.get('/', async (_request, reply) => {
    setFreshness(reply, FRESHNESS)
    return reply.type(JSON_TYPE).send(body)
  })
}
