import type { Static } from 'typebox'

import type { AttestationRecord, RegistryRecord } from '../../registry/types.ts'
import type { manifestSchema } from '../schemas/attestation.ts'

/** One manifest with everyone who attests it, as the API shows it. */
export type Manifest = Static<typeof manifestSchema>

type Attestation = RegistryRecord<AttestationRecord>

/**
 * The registry holds one record per attester, the contract one per manifest. Attesters are in the
 * order in which they attested; manifests in that of their hashes.
 */
export function groupByManifest(attestations: readonly Attestation[]): Manifest[] {
  const groups = new Map<string, Attestation[]>()
  for (const attestation of attestations) {
    const { manifest_hash } = attestation.value
    const group = groups.get(manifest_hash)
    if (group === undefined) groups.set(manifest_hash, [attestation])
    else group.push(attestation)
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([hash, group]) => toManifest(hash, group))
}

/** `attestations` are those of this manifest alone. null when nobody attests it. */
export function manifestOf(hash: string, attestations: readonly Attestation[]): Manifest | null {
  return attestations.length === 0 ? null : toManifest(hash, attestations)
}

/** Whether any attester's path holds the period as text: `2026`, `2026/05` or `2026-05-01` alike. */
export function isInPeriod(manifest: Manifest, period: string): boolean {
  return manifest.attestations.some(({ path }) => path.includes(period))
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
