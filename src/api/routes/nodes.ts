import * as Type from 'typebox'

import type { NodeRecord } from '../../registry/types.ts'
import { inOrder, listBody, pick } from '../domain/listing.ts'
import { fromReply, ignoredReply, toReply } from '../domain/record-reply.ts'
import { isInCountry } from '../domain/scopes.ts'
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
import { nodeBodySchema, nodeReplySchema, nodesReplySchema } from '../schemas/node.ts'
import { deletedReplySchema, putReplySchema } from '../schemas/record.ts'
import type { RegisterRoutes } from './context.ts'

const TAGS = ['nodes']

/** Stations and ingesters. */
export const registerNodeRoutes: RegisterRoutes = (app, { registry, writer }) => {
  app.put(
    '/nodes/:id',
    {
      schema: {
        summary: 'Register an ingester or renew its record',
        tags: TAGS,
        params: idParamsSchema,
        body: nodeBodySchema,
        response: { 200: putReplySchema('ingester_id') },
      },
      config: { errors: WRITE_CODES },
    },
    async ({ params, body }) => {
      const { ignored } = await writer.put('nodes', params.id, fromReply(body))
      return { ok: true as const, ingester_id: params.id, ...ignoredReply(ignored) }
    },
  )

  app.get(
    '/nodes',
    {
      schema: {
        summary: 'List nodes, all or those of a country',
        tags: TAGS,
        querystring: Type.Object({ country: placeSchema }),
        response: { 200: written(nodesReplySchema) },
      },
      config: { errors: ['INVALID_QUERY'] },
    },
    async ({ query: { country } }, reply) => {
      const isAsked = ({ regions }: NodeRecord) =>
        country === undefined || isInCountry(regions, country)
      const records = await pick(registry.listed<NodeRecord>('nodes'), ({ value }) =>
        isAsked(value),
      )
      const sorted = await inOrder(records, ({ localId }) => localId)
      return reply.type(JSON_TYPE).send(listBody('nodes', sorted, toReply))
    },
  )

  app.get(
    '/nodes/:id',
    {
      schema: {
        summary: 'Read a node',
        tags: TAGS,
        params: idParamsSchema,
        response: { 200: nodeReplySchema },
      },
      config: { errors: READ_CODES },
    },
    async ({ params: { id } }) => {
      const record = registry.get<NodeRecord>('nodes', id)
      if (record === null) throw new HttpError('NOT_FOUND', 'not found')
      return toReply(record)
    },
  )

  app.delete(
    '/nodes/:id',
    {
      schema: {
        summary: "Delete this station's record of a node",
        tags: TAGS,
        params: idParamsSchema,
        response: { 200: deletedReplySchema },
      },
      config: { errors: DELETE_CODES },
    },
    async ({ params: { id } }) => {
      await writer.delete('nodes', id)
      return { ok: true as const, deleted: id }
    },
  )
}
