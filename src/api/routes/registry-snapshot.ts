import { Readable } from 'node:stream'

import { HttpError } from '../errors.ts'
import type { RegisterRoutes } from './context.ts'

const RETRY_SECONDS = 10
/** A client that reads nothing for so long is hung up on: the next export waits for it. */
const STALL_MS = 60_000

/**
 * The whole registry as one signed file, docs/protocols.md; one at a time, for each reads every log.
 * @param stallMs how long a client may read nothing
 */
export function createSnapshotRoute(stallMs: number): RegisterRoutes {
  return (app, { snapshot }) => {
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
        reply.raw.setTimeout(stallMs, () => reply.raw.destroy())
        reply.type('application/vnd.ipld.car')
        return reply.send(stream)
      },
    )
  }
}

export const registerSnapshotRoute = createSnapshotRoute(STALL_MS)
