import type { Static } from 'typebox'

import type { AttestationRecord, RegistryRecord } from '../../registry/types.ts'
import type { manifestSchema } from '../schemas/attestation.ts'

/** One manifest with everyone who attests it, as the API shows it. */
export type Manifest = Static<typeof manifestSchema>

type Attestation = RegistryRecord<AttestationRecord>

/**
 * The registry holds one record per attester, the contract one per manifest. Attesters are in the order in
 * which they attested. null when nobody attests it.
 * @param attestations of this manifest alone
 */
export function manifestOf(hash: string, attestations: readonly Attestation[]): Manifest | null {
  return attestations.length === 0 ? null : toManifest(hash, attestations)
}

function toManifest(hash: string, group: readonly Attestation[]): Manifest {
  const attestations = group
    .map(({ value, author }) => ({
      ingester_id: value.ingester_id,
      signature: value.signature,
      iroh_blake3_hash: value.iroh_blake3_hash,
      path: value.path,
      attested_at: value.attested_at,
      owner: author,
    }))
    .sort((a, b) => compare(a.attested_at, b.attested_at) || compare(a.ingester_id, b.ingester_id))
  const first = attestations[0]
  return {
    _id: hash,
    manifest_hash: hash,
    iroh_blake3_hash: first?.iroh_blake3_hash ?? '',
    path: first?.path ?? '',
    attestation_count: attestations.length,
    attestations,
    updated_at: attestations.at(-1)?.attested_at ?? '',
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
