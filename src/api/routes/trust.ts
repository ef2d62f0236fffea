import type { TrustRecord } from '../../registry/types.ts'
import { fromReply, ignoredReply, inOrder, toReply } from '../domain/record-reply.ts'
import { HttpError } from '../errors.ts'
import { DELETE_CODES, ingesterParamsSchema, READ_CODES, WRITE_CODES } from '../schemas/common.ts'
import { putReplySchema } from '../schemas/record.ts'
import {
  revokedReplySchema,
  trustBodySchema,
  trustKeysReplySchema,
  trustReplySchema,
} from '../schemas/trust.ts'
import type { RegisterRoutes } from './context.ts'

const TAGS = ['trust']

/** Which keys ingesters sign with. */
export const registerTrustRoutes: RegisterRoutes = (app, { registry, writer }) => {
  app.put(
    '/trust/:ingester_id',
    {
      schema: {
        summary: "State an ingester's key; its other versions stay as they are",
        tags: TAGS,
        params: ingesterParamsSchema,
        body: trustBodySchema,
        response: { 200: putReplySchema('ingester_id') },
      },
      config: { errors: WRITE_CODES },
    },
    async ({ params: { ingester_id }, body }) => {
      const { ignored } = await writer.put('trust', ingester_id, fromReply(body))
      return { ok: true as const, ingester_id, ...ignoredReply(ignored) }
    },
  )

  app.get(
    '/trust',
    {
      schema: {
        summary: 'The keys that count, of every ingester',
        tags: TAGS,
        response: { 200: trustKeysReplySchema },
      },
    },
    async () => {
      const records = inOrder(registry.list<TrustRecord>('trust'))
      const keys = records.map(({ value }) => [value.ingester_id, value.versions] as const)
      return { keys: Object.fromEntries(keys) }
    },
  )

  app.get(
    '/trust/:ingester_id',
    {
      schema: {
        summary: 'The keys of an ingester',
        tags: TAGS,
        params: ingesterParamsSchema,
        response: { 200: trustReplySchema },
      },
      config: { errors: READ_CODES },
    },
    async ({ params: { ingester_id } }) => {
      const record = registry.get<TrustRecord>('trust', ingester_id)
      if (record === null) throw new HttpError('NOT_FOUND', 'not found')
      return toReply(record)
    },
  )

  app.delete(
    '/trust/:ingester_id',
    {
      schema: {
        summary: 'Revoke every key of an ingester that this station stated',
        tags: TAGS,
        params: ingesterParamsSchema,
        response: { 200: revokedReplySchema },
      },
      config: { errors: DELETE_CODES },
    },
    async ({ params: { ingester_id } }) => {
      await writer.revokeTrust(ingester_id)
      return { ok: true as const, revoked: ingester_id }
    },
  )
}
