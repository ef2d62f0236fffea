import { withDeadline } from '../../../lib/deadline.ts'
import type { SignedBootstrap } from '../../../wire/signed-bootstrap.ts'
import { etagOf } from '../../http/etag.ts'
import { JSON_TYPE } from '../../http/json-type.ts'
import { answeredNotModified, setFreshness } from '../caching.ts'
import type { RegisterPublicRoutes } from '../context.ts'

const FRESHNESS = { maxAgeSeconds: 60, staleSeconds: 3_600 }

/** Where to enter the network, signed by this node. */
export const registerBootstrapRoute: RegisterPublicRoutes = (app, context) => {
  const { bootstrap, outgoing, answerTimeoutMs: ms, signal } = context
  let written: { document: SignedBootstrap; body: Buffer; etag: string } | null = null
  app.get('/bootstrap', { config: { endpoint: 'bootstrap' } }, async (request, reply) => {
    const document = await withDeadline(() => bootstrap(), { ms, label: 'the list', signal })
    if (written?.document !== document) {
      const body = Buffer.from(JSON.stringify(document))
      written = { document, body, etag: etagOf(body) }
    }
    const { body, etag } = written
    setFreshness(reply, FRESHNESS)
    if (answeredNotModified(request, reply, { etag, lastModifiedMs: document.issued })) return reply
    outgoing.hold(body, reply.raw)
    return reply.type(JSON_TYPE).send(body)
  })
}
