import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { addressSet, callerKey, isLoopback, plainAddress } from '../../../src/api/http/networks.ts'

describe('address ranges', () => {
  it('hold the addresses of their prefix and no others', () => {
    const set = addressSet(['10.0.0.0/8', '192.0.2.7', 'fd00::/8', ' 172.16.0.0/12 '])
    for (const inside of ['10.255.0.1', '192.0.2.7', 'fdff::1', '172.31.0.1', '::ffff:10.0.0.1']) {
      assert.equal(set(inside), true, inside)
    }
    for (const outside of ['11.0.0.1', '192.0.2.8', 'fe80::1', '172.32.0.1', '', 'nonsense']) {
      assert.equal(set(outside), false, outside)
    }
  })

  it('hold everybody when they say so', () => {
    assert.equal(addressSet(['0.0.0.0/0'])('203.0.113.1'), true)
    assert.equal(addressSet([])('127.0.0.1'), false)
  })

  it('are refused by name when they are none', () => {
    for (const range of [
      '',
      'lan',
      '10.0.0.0/33',
      '10.0.0/8',
      'fd00::/129',
      '1.2.3.4/',
      '1.1.1.1/8/8',
    ]) {
      assert.throws(() => addressSet([range]), { code: 'INVALID_NETWORK' }, range)
    }
  })

  it('know loopback in all its forms', () => {
    for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) {
      assert.equal(isLoopback(address), true, address)
    }
    for (const address of ['128.0.0.1', '::2', '0.0.0.0', '10.0.0.1']) {
      assert.equal(isLoopback(address), false, address)
    }
  })
})

describe('what counts as one caller', () => {
  it('is an IPv4 address however it came in', () => {
    assert.equal(callerKey('::ffff:192.0.2.1'), '192.0.2.1')
    assert.equal(callerKey('192.0.2.1'), '192.0.2.1')
    assert.equal(plainAddress('fe80::1%eth0'), 'fe80::1')
  })

  it('is the /64 of an IPv6 address', () => {
    const one = callerKey('2001:db8:1:2:3:4:5:6')
    assert.equal(callerKey('2001:db8:1:2::9'), one)
    assert.notEqual(callerKey('2001:db8:1:3::9'), one)
    assert.equal(callerKey('::1'), '0:0:0:0::/64')
    assert.equal(callerKey('2001:db8::'), callerKey('2001:db8::1'))
  })
})
