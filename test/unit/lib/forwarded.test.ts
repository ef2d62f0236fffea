import assert from 'node:assert/strict'
import { test } from 'node:test'

import { clientAddress } from '../../../src/lib/forwarded.ts'

const PROXY = '10.0.0.1'
const isTrusted = (address: string) => address === PROXY || address === '10.0.0.2'

function client(forwardedFor: string | undefined, forwarded?: string, peer = PROXY): string {
  return clientAddress({ peer, forwardedFor, forwarded }, isTrusted)
}

test('what a stranger writes does not count', () => {
  assert.equal(client('198.51.100.1', 'for=198.51.100.2', '203.0.113.9'), '203.0.113.9')
})

test('a trusted proxy says who the client is, in either header', () => {
  assert.equal(client('198.51.100.1'), '198.51.100.1')
  assert.equal(client(undefined, 'for=198.51.100.1;proto=https'), '198.51.100.1')
  assert.equal(client(undefined, 'proto=https; For="[2001:db8::7]:4711"'), '2001:db8::7')
  assert.equal(client('198.51.100.1', 'for=198.51.100.2'), '198.51.100.1')
  assert.equal(client(undefined), PROXY)
})

test('what stands left of the first stranger is the stranger’s own word', () => {
  assert.equal(client('192.0.2.66, 198.51.100.1'), '198.51.100.1')
  assert.equal(client('192.0.2.66, 198.51.100.1, 10.0.0.2'), '198.51.100.1')
  assert.equal(client(undefined, 'for=192.0.2.66, for=198.51.100.1, for=10.0.0.2'), '198.51.100.1')
})

test('ports and brackets are left out', () => {
  assert.equal(client('198.51.100.1:443'), '198.51.100.1')
  assert.equal(client('[2001:db8::7]:443'), '2001:db8::7')
  assert.equal(client('2001:db8::7'), '2001:db8::7')
})

test('for what is no address the proxy that wrote it stands', () => {
  for (const rubbish of ['unknown', '_hidden', '', 'fe80::1%eth0', '1.2.3', '"']) {
    assert.equal(client(rubbish), PROXY, rubbish)
    assert.equal(client(`${rubbish}, 10.0.0.2`), '10.0.0.2', rubbish)
  }
})

test('of a list that is too long its end is read', () => {
  const long = `${'192.0.2.1,'.repeat(10_000)}198.51.100.1`
  assert.equal(client(long), '198.51.100.1')
  assert.equal(client('10.0.0.2,'.repeat(10_000)), PROXY)
})
