import assert from 'node:assert/strict'
import { test } from 'node:test'

import { AddressQuota } from '../../../../src/network/guards/address-quota.ts'

test('a peer has few addresses, and its known ones stay', () => {
  const quota = new AddressQuota({ perPeer: 2, peers: 10, idleMs: 1_000, now: () => 0 })
  assert.deepEqual(
    ['a', 'b', 'c', 'a', 'b'].map((address) => quota.admit('peer', address)),
    [true, true, false, true, true],
  )
  assert.equal(quota.admit('other', 'c'), true)
})

test('an address that nobody mentions any more makes room', () => {
  let nowMs = 0
  const quota = new AddressQuota({ perPeer: 2, peers: 10, idleMs: 1_000, now: () => nowMs })
  quota.admit('peer', 'old')
  nowMs = 900
  quota.admit('peer', 'young')
  nowMs = 1_500
  assert.equal(quota.admit('peer', 'new'), true)
  assert.equal(quota.admit('peer', 'newer'), false)
})

test('what a peer tells of itself takes the places of what others told', () => {
  const quota = new AddressQuota({ perPeer: 2, peers: 10, idleMs: 1_000, now: () => 0 })
  quota.admit('peer', 'bogus-1')
  quota.admit('peer', 'bogus-2')
  assert.equal(quota.admit('peer', 'own'), false)
  assert.deepEqual(quota.claim('peer', ['own', 'own', 'second', 'third']), ['own', 'second'])
  assert.deepEqual(
    ['own', 'second', 'bogus-1'].map((address) => quota.admit('peer', address)),
    [true, true, false],
  )
  assert.equal(quota.claim('peer', ['second', 'own']), null, 'nothing to change')
  assert.equal(quota.claim('peer', []), null, 'a peer that tells nothing changes nothing')
})

test('addresses make room after their time, also when the clock is set back', (t) => {
  let elapsedMs = 0
  t.mock.method(performance, 'now', () => elapsedMs)
  const quota = new AddressQuota({ perPeer: 1, peers: 10, idleMs: 1_000 })
  quota.admit('peer', 'old')
  t.mock.method(Date, 'now', () => 0)
  assert.equal(quota.admit('peer', 'new'), false)
  elapsedMs = 1_001
  assert.equal(quota.admit('peer', 'new'), true)
})
