import assert from 'node:assert/strict'
import { test } from 'node:test'

import { watchTrust } from '../../../../src/registry/trust/metrics.ts'
import { createMetrics } from '../../../../src/telemetry/index.ts'
import { AUTHORITY, active, OWNER, revoked, StatedClaims } from './stated.ts'

test('metrics tell how many keys count, by status, and who is vouched for', async () => {
  const metrics = createMetrics()
  const stated = new StatedClaims().vouch(AUTHORITY, OWNER)
  watchTrust(metrics, stated.policy([AUTHORITY]))
  stated.keys(OWNER, 'a', { 1: active('k') }).keys(AUTHORITY, 'b', { 1: revoked('l') })
  const shown = async () =>
    [...(await metrics.text()).matchAll(/^wesense_registry_trust_\S+ \d+$/gm)].map(([line]) => line)
  assert.deepEqual(await shown(), [
    'wesense_registry_trust_keys{status="active"} 1',
    'wesense_registry_trust_keys{status="revoked"} 1',
    'wesense_registry_trust_vouched 1',
  ])
  stated.vouch(AUTHORITY, OWNER, 'revoked')
  assert.deepEqual(await shown(), [
    'wesense_registry_trust_keys{status="active"} 0',
    'wesense_registry_trust_keys{status="revoked"} 1',
    'wesense_registry_trust_vouched 0',
  ])
})
