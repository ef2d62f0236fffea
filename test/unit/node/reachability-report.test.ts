import assert from 'node:assert/strict'
import { test } from 'node:test'

import { reachabilityOf } from '../../../src/node/reachability-report.ts'

test('the answer names the relays that keep a place, and for how long', () => {
  const reach = {
    state: 'private' as const,
    isProven: false,
    verified: ['/ip4/203.0.113.9/tcp/4002'],
    relays: [
      { relayPeerId: 'A', addresses: ['/a/p2p-circuit'], reservedAtMs: 0, expiresAtMs: 61_000 },
      { relayPeerId: 'B', addresses: ['/b/p2p-circuit'], reservedAtMs: 0, expiresAtMs: 500 },
    ],
  }
  assert.deepEqual(reachabilityOf(reach, 1_000), {
    state: 'private',
    is_proven: false,
    verified: ['/ip4/203.0.113.9/tcp/4002'],
    relays: [
      { peer_id: 'A', addresses: ['/a/p2p-circuit'], expires_in_seconds: 60 },
      { peer_id: 'B', addresses: ['/b/p2p-circuit'], expires_in_seconds: 0 },
    ],
  })
})

test('a node that does not look after it says nothing', () => {
  assert.equal(reachabilityOf(null, 0), null)
})
