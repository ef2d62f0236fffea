import { withDeadline } from '../../../lib/deadline.ts'
import { JSON_TYPE } from '../../http/json-type.ts'
import { answeredNotModified, setFreshness } from '../caching.ts'
import type { RegisterPublicRoutes } from '../context.ts'
import { PublicError } from '../errors.ts'

const FRESHNESS = { maxAgeSeconds: 10, staleSeconds: 300 }
const CURSOR = /^[A-Za-z0-9][A-Za-z0-9:._@+~,-]{0,512}$/
const RETRY_SECONDS = 5

/** Node records as their authors signed them: src/wire/signed-entries.ts says what a reader checks. */
export const registerRegistryNodesRoute: RegisterPublicRoutes = (app, context) => {
  const { nodes, outgoing, answerTimeoutMs: ms, signal } = context
  app.get<{ Querystring: Record<string, unknown> }>(
    '/registry/nodes',
    { config: { endpoint: 'registry' } },
    async (request, reply) => {
      const { after = null } = request.query
      if (after !== null && !(typeof after === 'string' && CURSOR.test(after))) {
        throw new PublicError('INVALID_PARAMETER', 'after is the "next" of the page before')
      }
      const { body, etag } = await withDeadline(() => nodes.page(after), {
        ms,
        label: 'reading entries',
        signal,
      })
      setFreshness(reply, FRESHNESS)
      if (answeredNotModified(request, reply, { etag })) return reply
      if (request.method !== 'HEAD' && !outgoing.hold(body, reply.raw)) {
        const headers = { 'retry-after': String(RETRY_SECONDS) }
        throw new PublicError('NOT_READY', 'too many are reading: try again', { headers })
      }
      return reply.type(JSON_TYPE).send(body)
    },
  )
}
