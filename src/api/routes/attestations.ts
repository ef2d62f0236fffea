import * as Type from 'typebox'

import type { AttestationRecord } from '../../registry/types.ts'
import { inOrder, listBody, pick } from '../domain/listing.ts'
import { manifestOf } from '../domain/manifests.ts'
import { fromReply, ignoredReply } from '../domain/record-reply.ts'
import { HttpError } from '../errors.ts'
import { JSON_TYPE } from '../http/json-type.ts'
import {
  attestationBodySchema,
  attestedReplySchema,
  consensusReplySchema,
  manifestSchema,
  manifestsReplySchema,
} from '../schemas/attestation.ts'
import { idSchema, placeSchema, READ_CODES, WRITE_CODES, written } from '../schemas/common.ts'
import type { RegisterRoutes } from './context.ts'

const TAGS = ['attestations']
const PARAMS = Type.Object({ manifest_hash: idSchema })

/** Who confirms which archive manifest. */
export const registerAttestationRoutes: RegisterRoutes = (app, context) => {
  const { registry, writer, consensusThreshold } = context
  const manifest = (hash: string) => manifestOf(hash, registry.attestationsOf(hash))

  app.put(
    '/attestations/:manifest_hash',
    {
      schema: {
        summary: "Attest a manifest in an ingester's name; one attestation per ingester",
        tags: TAGS,
        params: PARAMS,
        body: attestationBodySchema,
        response: { 200: attestedReplySchema },
      },
      config: { errors: WRITE_CODES },
    },
    async ({ params: { manifest_hash }, body }) => {
      const attestation = fromReply(body)
      const id = `${manifest_hash},${body.ingester_id}`
      const { ignored } = await writer.put('attestations', id, { ...attestation, manifest_hash })
      const attestation_count = registry.attestationsOf(manifest_hash).length
      return { ok: true as const, manifest_hash, attestation_count, ...ignoredReply(ignored) }
    },
  )

  app.get(
    '/attestations',
    {
      schema: {
        summary: 'List attested manifests, all or those whose path holds a period',
        tags: TAGS,
        querystring: Type.Object({ period: placeSchema }),
        response: { 200: written(manifestsReplySchema) },
      },
      config: { errors: ['INVALID_QUERY'] },
    },
    async ({ query: { period } }, reply) => {
      const isAsked = (one: AttestationRecord) => period === undefined || one.path.includes(period)
      const asked = new Set<string>()
      await pick(registry.listed<AttestationRecord>('attestations'), ({ value }) => {
        if (isAsked(value)) asked.add(value.manifest_hash)
        return false
      })
      const hashes = await inOrder([...asked], (hash) => hash)
      return reply.type(JSON_TYPE).send(listBody('attestations', hashes, manifest))
    },
  )

  app.get(
    '/attestations/:manifest_hash',
    {
      schema: {
        summary: 'Read a manifest and who attests it',
        tags: TAGS,
        params: PARAMS,
        response: { 200: manifestSchema },
      },
      config: { errors: READ_CODES },
    },
    async ({ params: { manifest_hash } }) => {
      const found = manifest(manifest_hash)
      if (found === null) throw new HttpError('NOT_FOUND', 'not found')
      return found
    },
  )

  app.get(
    '/attestations/:manifest_hash/consensus',
    {
      schema: {
        summary: 'Whether enough ingesters attest a manifest',
        tags: TAGS,
        params: PARAMS,
        response: { 200: consensusReplySchema },
      },
      config: { errors: ['INVALID_ID'] },
    },
    async ({ params: { manifest_hash } }) => {
      const attestations = manifest(manifest_hash)?.attestations ?? []
      return {
        manifest_hash,
        attestation_count: attestations.length,
        threshold: consensusThreshold,
        consensus_reached: attestations.length >= consensusThreshold,
        attesters: attestations.map(({ ingester_id }) => ingester_id),
      }
    },
  )
}
