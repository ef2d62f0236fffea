import assert from 'node:assert/strict'
import { test } from 'node:test'

import { protocolNames } from '../../../src/network/protocols.ts'

test('every name carries the network, so two networks share none', () => {
  const [one, two] = [protocolNames('wesense'), protocolNames('other')]
  const shared = Object.values(one).filter((name) => Object.values(two).includes(name))
  assert.deepEqual(shared, [])
  assert.equal(one.kad, '/wesense/kad/1.0.0')
  assert.equal(one.peerExchange, '/wesense/peer-exchange/1.0.0')
})
