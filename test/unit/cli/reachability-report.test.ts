import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import type { NodeStatus } from '../../../src/api/types.ts'
import { renderStatus } from '../../../src/cli/status.ts'
import { STATUS } from './status-sample.ts'

const RELAY = '12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8'
const PLACE = {
  peer_id: RELAY,
  addresses: [`/ip4/203.0.113.9/tcp/4002/p2p/${RELAY}/p2p-circuit`],
  expires_in_seconds: 900,
}

function reached(reachability: NodeStatus['reachability']): string[] {
  const all = renderStatus({ ...STATUS, reachability })
  const first = all.findIndex((line) => line.startsWith('Reached'))
  const end = all.findIndex((line) => line.startsWith('Seeds'))
  return all.slice(first, end).map((line) => line.slice(12))
}

describe('how a node is reached, in status', () => {
  it('is directly, at the addresses that others were seen to reach', () => {
    const verified = ['/ip4/203.0.113.9/tcp/4002']
    assert.deepEqual(reached({ state: 'public', is_proven: true, verified: [], relays: [] }), [
      'public: others connect directly',
    ])
    assert.deepEqual(reached({ state: 'public', is_proven: true, verified, relays: [] }), [
      'public: others connect directly',
      'seen at /ip4/203.0.113.9/tcp/4002',
    ])
  })

  it('is what the operator announces, until somebody from outside has connected', () => {
    assert.deepEqual(reached({ state: 'public', is_proven: false, verified: [], relays: [] }), [
      'public, as ANNOUNCE_ADDRESS says: nobody from outside was seen to connect yet',
    ])
  })

  it('is through relays behind NAT, each by its peer ID', () => {
    assert.deepEqual(
      reached({ state: 'private', is_proven: false, verified: [], relays: [PLACE] }),
      ['private: behind NAT or a firewall, others come through relays', `through relay ${RELAY}`],
    )
    assert.deepEqual(reached({ state: 'private', is_proven: false, verified: [], relays: [] }), [
      'private: behind NAT or a firewall, and no relay keeps a place yet',
    ])
  })

  it('is unknown before anybody tried, and not looked after where that is off', () => {
    assert.deepEqual(reached({ state: 'unknown', is_proven: false, verified: [], relays: [] }), [
      'unknown: no public peer has tried yet',
    ])
    assert.deepEqual(reached(null), ['not looked after: RELAY_CLIENT is off'])
  })
})
