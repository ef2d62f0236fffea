import type { KeyStatement } from '../../registry/types.ts'
import { fromReply, ignoredReply, toReply } from '../domain/record-reply.ts'
import { TrustKeysReply } from '../domain/trust-keys.ts'
import { revocationOf } from '../domain/trust-revocation.ts'
import { HttpError } from '../errors.ts'
import { isNotModified } from '../http/etag.ts'
import { JSON_TYPE } from '../http/json-type.ts'
import { DELETE_CODES, ingesterParamsSchema, READ_CODES, WRITE_CODES } from '../schemas/common.ts'
import { putReplySchema } from '../schemas/record.ts'
import {
  notModifiedSchema,
  revokedReplySchema,
  trustBodySchema,
  trustKeysReplySchema,
  trustReplySchema,
} from '../schemas/trust.ts'
import type { RegisterRoutes } from './context.ts'

const TAGS = ['trust']

/** Which keys ingesters sign with: what counts is read, what this station states is written. */
export const registerTrustRoutes: RegisterRoutes = (app, { trust, writer }) => {
  const keysReply = new TrustKeysReply(trust)
  const keyStatements = (ingesterId: string) =>
    trust.statementsAbout(ingesterId).filter((one): one is KeyStatement => one.kind === 'keys')

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
      refuseReserved(ingester_id)
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
        response: { 200: trustKeysReplySchema, 304: notModifiedSchema },
      },
    },
    async (request, reply) => {
      const { bytes, etag } = await keysReply.settledBody()
      // A caller keeps what it has, and asks every time whether that still holds.
      reply.headers({ etag, 'cache-control': 'no-cache' })
      if (isNotModified(request.headers['if-none-match'], etag)) return reply.code(304).send()
      return reply.type(JSON_TYPE).send(bytes)
    },
  )

  app.get(
    '/trust/:ingester_id',
    {
      schema: {
        summary: 'The keys of an ingester that count',
        tags: TAGS,
        params: ingesterParamsSchema,
        response: { 200: trustReplySchema },
      },
      config: { errors: READ_CODES },
    },
    async ({ params: { ingester_id } }) => {
      await trust.settle()
      const versions = trust.decide().keys.get(ingester_id)
      const counting = keyStatements(ingester_id).filter(({ counts }) => counts)
      const own = counting.find(({ record }) => record.author === trust.ownPeerId)
      const shown = own ?? counting[0]
      if (versions === undefined || shown === undefined) {
        throw new HttpError('NOT_FOUND', 'not found')
      }
      return { ...toReply(shown.record), versions }
    },
  )

  app.delete(
    '/trust/:ingester_id',
    {
      schema: {
        summary:
          'Revoke every key of an ingester that this station stated; an authority, every key',
        tags: TAGS,
        params: ingesterParamsSchema,
        response: { 200: revokedReplySchema },
      },
      config: { errors: DELETE_CODES },
    },
    async ({ params: { ingester_id } }) => {
      await trust.settle()
      const counting = trust.decide().keys.get(ingester_id)
      if (trust.isOwnWordForAll && counting !== undefined) {
        const own = keyStatements(ingester_id).find(
          ({ record }) => record.author === trust.ownPeerId,
        )
        const versions = revocationOf(counting, own?.record.value.versions ?? {})
        await writer.put('trust', ingester_id, { versions })
      } else {
        await writer.revokeTrust(ingester_id)
      }
      return { ok: true as const, revoked: ingester_id }
    },
  )
}

/** What the registry keeps for itself beside the ingesters in its database of statements. */
function refuseReserved(id: string): void {
  if (!/^(vouch|carried):/.test(id)) return
  throw new HttpError('INVALID_ID', 'an ingester_id must not begin with "vouch:" or "carried:"')
}
