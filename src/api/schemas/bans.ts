import * as Type from 'typebox'

import { okSchema } from './common.ts'

/** Ten years: longer is for ever. */
const BAN_SECONDS_LIMIT = 315_360_000
const BAN_WHY_LIMIT = 200

const nullableText = (description: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], maxLength: BAN_WHY_LIMIT, description })
const target = Type.String({ description: 'Peer ID, IPv4 address, IPv6 /64 or network.' })

const banSchema = Type.Object({
  target,
  kind: Type.Enum(['peer', 'host', 'network']),
  by: Type.Enum(['rule', 'operator']),
  reasons: Type.Array(Type.String(), { description: 'Codes of offences; docs/operations.md.' }),
  why: nullableText("The operator's own words."),
  since: Type.String({ description: 'ISO 8601.' }),
  until: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: 'ISO 8601; null: until it is lifted.',
  }),
  strikes: Type.Integer({ minimum: 1, description: 'How often, this time included.' }),
})

const pointsSchema = Type.Object({
  peer_id: Type.String(),
  points: Type.Number({ description: 'Of the 100 at which it is shunned; half in ten minutes.' }),
  offences: Type.Array(Type.String(), { description: 'Codes, the latest last.' }),
})

export const bansReplySchema = Type.Object({
  bans: Type.Array(banSchema, { description: 'In force, the oldest first.' }),
  points: Type.Array(pointsSchema, { description: 'Peers that are not shunned, most first.' }),
})

/** What it names is checked where it is understood: its problem is a sentence. */
export const banParamsSchema = Type.Object({
  target: Type.String({
    minLength: 1,
    maxLength: 256,
    description: 'A peer ID, an IP address, or a network in CIDR form, percent-encoded.',
  }),
})

export const banBodySchema = Type.Partial(
  Type.Object({
    for_seconds: Type.Unsafe<number | null>({
      type: ['integer', 'null'],
      minimum: 1,
      maximum: BAN_SECONDS_LIMIT,
      description: 'null, or left out: until it is lifted.',
    }),
    why: nullableText('Shown in the list.'),
  }),
)

const kept = Type.Boolean({
  description: 'False where the disk took no write: it holds till a restart.',
})

export const banReplySchema = Type.Object({ ok: okSchema, banned: target, kept })
export const liftReplySchema = Type.Object({ ok: okSchema, lifted: Type.Array(target), kept })
