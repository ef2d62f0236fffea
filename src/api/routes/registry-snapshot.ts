import { Readable } from 'node:stream'

import { HttpError } from '../errors.ts'
import type { RegisterRoutes } from './context.ts'

const RETRY_SECONDS = 10

/** The whole registry as one signed file, docs/protocols.md; one at a time, for each reads every log. */
export const registerSnapshotRoute: RegisterRoutes = (app, { snapshot }) => {
  if (snapshot === undefined) return
  let isUnderWay = false
  app.get(
    '/registry/snapshot',
    {
      schema: { summary: 'The whole registry as a signed snapshot', tags: ['station'] },
      config: { contentType: 'application/vnd.ipld.car', errors: ['CLOSED'] },
    },
    async (_request, reply) => {
      if (isUnderWay) {
        const headers = { 'retry-after': String(RETRY_SECONDS) }
        throw new HttpError('RATE_LIMITED', 'another snapshot is being made', { headers })
      }
      const stream = Readable.from(snapshot(), { objectMode: false })
      isUnderWay = true
      stream.once('close', () => {
        isUnderWay = false
      })
      reply.type('application/vnd.ipld.car')
      return reply.send(stream)
    },
  )
}
