import * as Type from 'typebox'

import { idSchema, ignoredSchema, okSchema, TEXT_LIMIT } from './common.ts'

export const attestationBodySchema = Type.Object({
  ingester_id: idSchema,
  signature: Type.String({ minLength: 1, maxLength: TEXT_LIMIT }),
  iroh_blake3_hash: Type.Optional(Type.String({ maxLength: TEXT_LIMIT })),
  path: Type.Optional(Type.String({ maxLength: TEXT_LIMIT })),
})

/** Every attester's word on one manifest. */
export const manifestSchema = Type.Object({
  _id: Type.String(),
  manifest_hash: Type.String(),
  iroh_blake3_hash: Type.String({ description: "The first attester's." }),
  path: Type.String({ description: "The first attester's." }),
  attestation_count: Type.Integer({ minimum: 1 }),
  attestations: Type.Array(
    Type.Object({
      ingester_id: Type.String(),
      signature: Type.String(),
      iroh_blake3_hash: Type.String(),
      path: Type.String(),
      attested_at: Type.String({ description: 'ISO 8601.' }),
      owner: Type.String({ description: 'Peer ID of the station that wrote it.' }),
    }),
  ),
  updated_at: Type.String({ description: 'ISO 8601: the latest of its attestations.' }),
})

export const manifestsReplySchema = Type.Object({ attestations: Type.Array(manifestSchema) })

export const attestedReplySchema = Type.Object({
  ok: okSchema,
  manifest_hash: Type.String(),
  attestation_count: Type.Integer({ minimum: 0 }),
  ignored: ignoredSchema,
})

export const consensusReplySchema = Type.Object({
  manifest_hash: Type.String(),
  attestation_count: Type.Integer({ minimum: 0 }),
  threshold: Type.Integer({ minimum: 1 }),
  consensus_reached: Type.Boolean(),
  attesters: Type.Array(Type.String({ description: 'Ingester ID.' })),
})
