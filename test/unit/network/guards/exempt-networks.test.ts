import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Exemptions } from '../../../../src/network/guards/exempt-networks.ts'

const NETWORKS = ['203.0.113.7/32', '198.51.100.0/24', '2001:db8:7::/48', '192.0.2.1']

for (const [ip, isExempt] of [
  ['203.0.113.7', true],
  ['203.0.113.8', false],
  ['198.51.100.255', true],
  ['198.51.101.0', false],
  ['192.0.2.1', true],
  ['::ffff:203.0.113.7', true],
  ['::ffff:cb00:7107', true],
  ['2001:db8:7:1::1', true],
  ['2001:DB8:7::1%eth0', true],
  ['2001:db8:8::1', false],
  ['127.0.0.1', false],
  ['', false],
  ['example.org', false],
] as const) {
  test(`${ip === '' ? 'nothing' : ip} is ${isExempt ? '' : 'not '}exempt`, () => {
    const sut = new Exemptions({ networks: NETWORKS, isLoopbackExempt: () => false })
    assert.equal(sut.has(ip), isExempt)
  })
}

test('loopback is exempt while the network lives on this machine', () => {
  let isMeant = false
  const sut = new Exemptions({ networks: [], isLoopbackExempt: () => isMeant })
  assert.deepEqual([sut.has('127.0.0.1'), sut.has('::1')], [false, false])
  isMeant = true
  assert.deepEqual([sut.has('127.0.0.1'), sut.has('::1'), sut.has('10.0.0.1')], [true, true, false])
})
