import type { TrustPolicy, VouchStatement } from '../../registry/types.ts'
import { ignoredReply } from '../domain/record-reply.ts'
import { toStatementReply } from '../domain/trust-statements.ts'
import { DELETE_CODES, WRITE_CODES } from '../schemas/common.ts'
import { deletedReplySchema } from '../schemas/record.ts'
import {
  peerParamsSchema,
  vouchBodySchema,
  vouchesReplySchema,
  vouchReplySchema,
} from '../schemas/trust-statement.ts'
import type { RegisterRoutes } from './context.ts'

const TAGS = ['trust']
const PREFIX = 'vouch:'

/** Whom authorities vouch for, and this station's own vouches. */
export const registerTrustVouchRoutes: RegisterRoutes = (app, { trust, writer }) => {
  app.get(
    '/trust/vouches',
    {
      schema: {
        summary: "The authorities' vouches, and this station's own",
        tags: TAGS,
        response: { 200: vouchesReplySchema },
      },
    },
    async () => {
      await trust.settle()
      const vouches = vouchesOf(trust).map((vouch) => toStatementReply(vouch, undefined))
      return {
        authorities: [...trust.authorities],
        vouches: vouches.filter((reply) => reply.kind === 'vouch'),
      }
    },
  )

  app.put(
    '/trust/vouches/:peer_id',
    {
      schema: {
        summary: 'Vouch for a station, or revoke that',
        tags: TAGS,
        params: peerParamsSchema,
        body: vouchBodySchema,
        response: { 200: vouchReplySchema },
      },
      config: { errors: WRITE_CODES },
    },
    async ({ params: { peer_id }, body }) => {
      const { ignored } = await writer.put('trust', PREFIX + peer_id, { ...body, peer_id })
      const counts = trust.authorities.includes(trust.ownPeerId)
      return { ok: true as const, peer_id, counts, ...ignoredReply(ignored) }
    },
  )

  app.delete(
    '/trust/vouches/:peer_id',
    {
      schema: {
        summary: "Take this station's vouch back",
        tags: TAGS,
        params: peerParamsSchema,
        response: { 200: deletedReplySchema },
      },
      config: { errors: DELETE_CODES },
    },
    async ({ params: { peer_id } }) => {
      await writer.delete('trust', PREFIX + peer_id)
      return { ok: true as const, deleted: peer_id }
    },
  )
}

/** Anyone may write a vouch; those of strangers are under /trust/statements, page by page. */
function vouchesOf(trust: TrustPolicy): VouchStatement[] {
  const { localIds } = trust.decide()
  const known = new Set([...trust.authorities, trust.ownPeerId])
  return localIds
    .filter((id) => id.startsWith(PREFIX))
    .flatMap((id) => trust.statementsAbout(id))
    .filter((statement) => statement.kind === 'vouch')
    .filter(({ record }) => known.has(record.author))
}
