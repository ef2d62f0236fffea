import { PROTOCOL_VERSION } from '../../../wire/signed-bootstrap.ts'
import { etagOf } from '../../http/etag.ts'
import { JSON_TYPE } from '../../http/json-type.ts'
import { answeredNotModified, setFreshness } from '../caching.ts'
import type { RegisterPublicRoutes } from '../context.ts'

const FRESHNESS = { maxAgeSeconds: 60, staleSeconds: 3_600 }

/** What listens here, for a client that checks where it is, a person, or a proxy that looks for signs of life. */
export const registerAboutRoute: RegisterPublicRoutes = (app, context) => {
  const { peerId, networkName, version, endpoints } = context
  const about = {
    network: networkName,
    protocol: PROTOCOL_VERSION,
    peer_id: peerId,
    version,
    endpoints,
  }
  const body = Buffer.from(JSON.stringify(about))
  const etag = etagOf(body)
  app.get('/', async (request, reply) => {
    setFreshness(reply, FRESHNESS)
    if (answeredNotModified(request, reply, { etag })) return reply
    return reply.type(JSON_TYPE).send(body)
  })
}
