import * as Type from 'typebox'

import { okSchema, PUBLIC_KEY_LIMIT } from './common.ts'
import { recordExtras } from './record.ts'

export const statusSchema = Type.Enum(['active', 'revoked'])

/** One key, or the `versions` of a record that was read before. */
export const trustBodySchema = Type.Partial(
  Type.Object({
    public_key: Type.String({
      maxLength: PUBLIC_KEY_LIMIT,
      description: 'Raw 32-byte Ed25519 public key, base64.',
    }),
    key_version: Type.Unsafe<number | string>({
      type: ['integer', 'string'],
      description: '1 when it is left out.',
    }),
    status: statusSchema,
    versions: Type.Record(Type.String(), Type.Unknown()),
  }),
)

const versionsSchema = Type.Record(
  Type.String(),
  Type.Object({
    public_key: Type.String(),
    status: statusSchema,
    added: Type.String({ description: 'ISO 8601.' }),
    revoked_at: Type.Optional(Type.String({ description: 'ISO 8601.' })),
  }),
)

export const trustKeysReplySchema = Type.Object({
  keys: Type.Record(Type.String(), versionsSchema),
})

export const notModifiedSchema = Type.Unknown({
  description: 'What the caller has, by its If-None-Match, is what counts still. No body.',
})

export const trustReplySchema = Type.Object({
  ...recordExtras,
  ingester_id: Type.String(),
  versions: versionsSchema,
})

export const revokedReplySchema = Type.Object({ ok: okSchema, revoked: Type.String() })
