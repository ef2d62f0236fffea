import * as Type from 'typebox'

import type { StoreRecord } from '../../registry/types.ts'
import { inOrder, listBody, pick } from '../domain/listing.ts'
import { fromReply, ignoredReply, toReply } from '../domain/record-reply.ts'
import { matchesPlace } from '../domain/scopes.ts'
import { HttpError } from '../errors.ts'
import { JSON_TYPE } from '../http/json-type.ts'
import {
  DELETE_CODES,
  idParamsSchema,
  placeSchema,
  READ_CODES,
  WRITE_CODES,
  written,
} from '../schemas/common.ts'
import { deletedReplySchema, putReplySchema } from '../schemas/record.ts'
import { storeBodySchema, storeReplySchema, storesReplySchema } from '../schemas/store.ts'
import type { RegisterRoutes } from './context.ts'

const TAGS = ['stores']

/** Archive stores and what they keep. */
export const registerStoreRoutes: RegisterRoutes = (app, { registry, writer }) => {
  app.put(
    '/stores/:id',
    {
      schema: {
        summary: 'Register a store or renew its record',
        tags: TAGS,
        params: idParamsSchema,
        body: storeBodySchema,
        response: { 200: putReplySchema('store_id') },
      },
      config: { errors: WRITE_CODES },
    },
    async ({ params, body }) => {
      const { ignored } = await writer.put('stores', params.id, fromReply(body))
      return { ok: true as const, store_id: params.id, ...ignoredReply(ignored) }
    },
  )

  app.get(
    '/stores',
    {
      schema: {
        summary: 'List stores, all or those that keep a country or region',
        tags: TAGS,
        querystring: Type.Object({ country: placeSchema, region: placeSchema }),
        response: { 200: written(storesReplySchema) },
      },
      config: { errors: ['INVALID_QUERY'] },
    },
    async ({ query: { country, region } }, reply) => {
      const isAsked = ({ store_scope }: StoreRecord) =>
        matchesPlace(store_scope, { country, region })
      const records = await pick(registry.listed<StoreRecord>('stores'), ({ value }) =>
        isAsked(value),
      )
      const sorted = await inOrder(records, ({ localId }) => localId)
      return reply.type(JSON_TYPE).send(listBody('stores', sorted, toReply))
    },
  )

  app.get(
    '/stores/:id',
    {
      schema: {
        summary: 'Read a store',
        tags: TAGS,
        params: idParamsSchema,
        response: { 200: storeReplySchema },
      },
      config: { errors: READ_CODES },
    },
    async ({ params: { id } }) => {
      const record = registry.get<StoreRecord>('stores', id)
      if (record === null) throw new HttpError('NOT_FOUND', 'not found')
      return toReply(record)
    },
  )

  app.delete(
    '/stores/:id',
    {
      schema: {
        summary: "Delete this station's record of a store",
        tags: TAGS,
        params: idParamsSchema,
        response: { 200: deletedReplySchema },
      },
      config: { errors: DELETE_CODES },
    },
    async ({ params: { id } }) => {
      await writer.delete('stores', id)
      return { ok: true as const, deleted: id }
    },
  )
}
