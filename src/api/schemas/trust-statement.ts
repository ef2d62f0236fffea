import * as Type from 'typebox'

import { idSchema, ignoredSchema, okSchema } from './common.ts'
import { statusSchema } from './trust.ts'

const COUNTING_REASONS = ['authority', 'vouched', 'own-station', 'owner', 'derived-id', 'first']
const DISMISSING_REASONS = [
  'key-mismatch',
  'not-vouched',
  'not-owner',
  'not-first',
  'other-key',
  'revoked',
  'not-authority',
  'withdrawn',
]

const verdict = {
  counts: Type.Boolean(),
  reason: Type.Unsafe<string>({
    type: 'string',
    enum: [...COUNTING_REASONS, ...DISMISSING_REASONS],
    description: 'Why it counts or does not; docs/trust.md explains each.',
  }),
  by: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: 'Peer ID of the station whose word decided, where it is not the author.',
  }),
}

const origin = {
  author: Type.String({ description: 'Peer ID of the station that signed it.' }),
  entry_hash: Type.String({ description: 'CID of the signed entry.' }),
  written_at: Type.String({ description: "ISO 8601, by the author's clock." }),
  clock_ms: Type.Integer({ description: 'The same in ms since the epoch.' }),
  counts: Type.Boolean(),
  entry: Type.Optional(
    Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: 'The signed entry in base64, with ?entry=true; null where it is not here.',
    }),
  ),
}

const keyStatementSchema = Type.Object({
  kind: Type.Literal('keys'),
  ingester_id: Type.String(),
  ...origin,
  versions: Type.Record(
    Type.String(),
    Type.Object({
      public_key: Type.String(),
      status: statusSchema,
      added: Type.String({ description: 'ISO 8601.' }),
      revoked_at: Type.Optional(Type.String({ description: 'ISO 8601.' })),
      ...verdict,
    }),
  ),
})

const vouchStatementSchema = Type.Object({
  kind: Type.Literal('vouch'),
  peer_id: Type.String({ description: 'The station that is vouched for.' }),
  ...origin,
  status: statusSchema,
  ...verdict,
})

export const statementSchema = Type.Union([keyStatementSchema, vouchStatementSchema])

const authorities = Type.Array(Type.String({ description: 'Peer ID.' }))

export const statementsReplySchema = Type.Object({
  authorities,
  statements: Type.Array(statementSchema),
  next: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: 'The cursor of the next page; null on the last.',
  }),
})

export const vouchesReplySchema = Type.Object({
  authorities,
  vouches: Type.Array(vouchStatementSchema),
})

export const statementsQuerySchema = Type.Object({
  ingester: Type.Optional(idSchema),
  limit: Type.Optional(
    Type.String({ maxLength: 6, description: '1 to 500, 100 when it is left out.' }),
  ),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
  entry: Type.Optional(
    Type.Enum(['true', 'false'], { description: 'With the signed entries; then 100 a page.' }),
  ),
})

export const peerParamsSchema = Type.Object({ peer_id: idSchema })
export const vouchBodySchema = Type.Partial(Type.Object({ status: statusSchema }))
export const vouchReplySchema = Type.Object({
  ok: okSchema,
  peer_id: Type.String(),
  counts: Type.Boolean({ description: 'False where this station is no authority.' }),
  ignored: ignoredSchema,
})
