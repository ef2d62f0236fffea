import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { groupByManifest, isInPeriod, manifestOf } from '../../../src/api/domain/manifests.ts'
import type { AttestationRecord, RegistryRecord } from '../../../src/registry/types.ts'

function attestation(
  manifest_hash: string,
  ingester_id: string,
  second: number,
  path = '2026/05/01.parquet',
): RegistryRecord<AttestationRecord> {
  const attested_at = new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()
  const localId = `${manifest_hash}:${ingester_id}`
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

describe('manifests', () => {
  it('gather their attesters in the order in which they attested', () => {
    const list = [attestation('b', 'i1', 3), attestation('a', 'i2', 2), attestation('a', 'i1', 1)]
    const manifests = groupByManifest(list)
    assert.deepEqual(
      manifests.map(({ manifest_hash, attestations }) => [
        manifest_hash,
        ...attestations.map(({ ingester_id }) => ingester_id),
      ]),
      [
        ['a', 'i1', 'i2'],
        ['b', 'i1'],
      ],
    )
    assert.equal(manifests[0]?.updated_at, '2026-01-01T00:00:02.000Z')
    assert.deepEqual(manifestOf('a', list.slice(1)), manifests[0])
    assert.equal(manifestOf('c', []), null)
  })

  it('come out alike whatever the order of the records', () => {
    const list = [attestation('a', 'i2', 1), attestation('a', 'i1', 1), attestation('b', 'i', 1)]
    assert.deepEqual(groupByManifest(list), groupByManifest(list.toReversed()))
  })

  it('are of a period when any of their paths holds it', () => {
    const manifest = manifestOf('a', [
      attestation('a', 'i1', 1, 'nz/2026/05/01.parquet'),
      attestation('a', 'i2', 2, 'copy/2026-05-01.parquet'),
    ])
    assert.ok(manifest)
    for (const period of ['2026', '2026/05', '2026-05']) assert.ok(isInPeriod(manifest, period))
    assert.equal(isInPeriod(manifest, '2026/06'), false)
  })
})
