import assert from 'node:assert/strict'
import { test } from 'node:test'

import { protocolNames } from '../../../src/network/protocols.ts'
import { HOP_PROTOCOL } from '../../../src/network/relay/hop/wire.ts'
import { roleOf } from '../../../src/network/role.ts'

const NAMES = protocolNames('here')
const COMMON = ['/here/id/1.0.0', '/here/ping/1.0.0']

test('a station is told by what it does for others', () => {
  for (const one of ['/meshsub/1.1.0', NAMES.peerExchange, NAMES.part, HOP_PROTOCOL]) {
    assert.equal(roleOf([...COMMON, one], NAMES), 'station')
  }
})

test('who has the network’s identify and nothing of a station is a client', () => {
  const page = [...COMMON, '/libp2p/circuit/relay/0.2.0/stop', '/webrtc-signaling/0.0.1']
  assert.equal(roleOf(page, NAMES), 'client')
})

test('a peer of another network is neither', () => {
  assert.equal(roleOf(['/there/id/1.0.0', '/meshsub/1.1.0'], NAMES), 'other')
  assert.equal(roleOf([], NAMES), 'other')
})
