import * as Type from 'typebox'

import { listSchema, SCOPE_LIMIT, scalarSchema, textsSchema } from './common.ts'
import { recordExtras } from './record.ts'

/** Fields of a store record that the registry keeps; all others are named in `ignored`. */
export const storeBodySchema = Type.Partial(
  Type.Object({
    iroh_node_id: scalarSchema(),
    iroh_endpoint: scalarSchema(),
    store_scope: listSchema(SCOPE_LIMIT),
    guardian_scope: listSchema(SCOPE_LIMIT),
    announce_address: textsSchema(),
    capabilities: Type.Unknown(),
    source: scalarSchema(),
    blob_count: scalarSchema(),
  }),
)

const scopesSchema = Type.Unsafe<readonly string[]>({ type: 'array', items: { type: 'string' } })

export const storeReplySchema = Type.Object(
  {
    ...recordExtras,
    store_id: Type.String(),
    store_scope: scopesSchema,
    guardian_scope: scopesSchema,
  },
  { additionalProperties: Type.Unknown(), description: 'Further fields as they were registered.' },
)

export const storesReplySchema = Type.Object({ stores: Type.Array(storeReplySchema) })

export const replicationReplySchema = Type.Object({
  regions: Type.Array(
    Type.Object({
      country: Type.String(),
      subdivision: Type.String({ description: '`*` for a whole country.' }),
      scope_pattern: Type.String({ examples: ['nz/akl', 'nz/*'] }),
      node_count: Type.Integer({ minimum: 0 }),
      nodes: Type.Array(Type.String({ description: 'Store ID.' })),
    }),
  ),
})
