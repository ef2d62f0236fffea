import { Readable } from 'node:stream'

import type { StoreRecord } from '../../registry/types.ts'
import { type RegionReplication, storeReplication } from '../domain/store-replication.ts'
import { HttpError } from '../errors.ts'
import { JSON_TYPE } from '../http/json-type.ts'
import { written } from '../schemas/common.ts'
import { replicationReplySchema } from '../schemas/store.ts'
import type { RegisterRoutes } from './context.ts'

const RETRY_SECONDS = 5
/** Answers that are made at the same time: each looks at every store for each region. */
const AT_A_TIME = 4

export const registerStoreReplicationRoute: RegisterRoutes = (app, { registry }) => {
  let underWay = 0
  app.get(
    '/stores/replication',
    {
      schema: {
        summary: 'How many stores keep each region, least kept first',
        tags: ['stores'],
        response: { 200: written(replicationReplySchema) },
      },
    },
    async (_request, reply) => {
      if (underWay >= AT_A_TIME) {
        const headers = { 'retry-after': String(RETRY_SECONDS) }
        throw new HttpError('RATE_LIMITED', 'others are being answered the same', { headers })
      }
      underWay += 1
      const regions = storeReplication(valuesOf(registry.listed<StoreRecord>('stores')))
      const body = Readable.from(write(regions), { objectMode: false })
      body.once('close', () => {
        underWay -= 1
      })
      return reply.type(JSON_TYPE).send(body)
    },
  )
}

function* valuesOf<T>(records: Iterable<{ readonly value: T }>): Generator<T> {
  for (const { value } of records) yield value
}

async function* write(regions: AsyncIterable<RegionReplication>): AsyncGenerator<Buffer> {
  yield Buffer.from('{"regions":[')
  let isFirst = true
  for await (const region of regions) {
    yield Buffer.from(`${isFirst ? '' : ','}${JSON.stringify(region)}`)
    isFirst = false
  }
  yield Buffer.from(']}')
}
