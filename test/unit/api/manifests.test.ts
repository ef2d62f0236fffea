import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { manifestOf } from '../../../src/api/domain/manifests.ts'
import type { AttestationRecord, RegistryRecord } from '../../../src/registry/types.ts'

function attestation(
  manifest_hash: string,
  ingester_id: string,
  second: number,
  path = '2026/05/01.parquet',
): RegistryRecord<AttestationRecord> {
  const attested_at = new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()
  const localId = `${manifest_hash},${ingester_id}`
  return {
    database: 'attestations',
    key: `station/${localId}`,
    author: 'station',
    localId,
    clockMs: second * 1000,
    entryHash: 'hash',
    value: {
      manifest_hash,
      ingester_id,
      signature: 's',
      iroh_blake3_hash: path,
      path,
      attested_at,
    },
  }
}

describe('a manifest', () => {
  it('gathers its attesters in the order in which they attested', () => {
    const list = [attestation('a', 'i2', 2), attestation('a', 'i1', 1)]
    const manifest = manifestOf('a', list)
    assert.deepEqual(
      manifest?.attestations.map(({ ingester_id }) => ingester_id),
      ['i1', 'i2'],
    )
    assert.equal(manifest?.updated_at, '2026-01-01T00:00:02.000Z')
    assert.deepEqual(manifestOf('a', list.toReversed()), manifest)
    assert.equal(manifestOf('c', []), null)
  })
})
