import assert from 'node:assert/strict'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'

import { InboundCaps } from '../../../../src/network/guards/inbound-caps.ts'

class FakeConnection extends EventTarget {
  readonly remoteAddr
  status: 'open' | 'closed' = 'open'

  constructor(ip: string) {
    super()
    this.remoteAddr = multiaddr(`/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/tcp/1234`)
  }

  close(): void {
    this.status = 'closed'
    this.dispatchEvent(new Event('close'))
  }
}

type Admitted = Parameters<InboundCaps['admit']>[0]
const asConnection = (fake: FakeConnection) => fake as unknown as Admitted

function caps(isLoopbackExempt = false): InboundCaps {
  const limits = { perHost: 2, perSubnet: 3, perPrivateHost: 4 }
  return new InboundCaps(limits, () => isLoopbackExempt)
}

/** Admits one connection from each IP and tells the verdicts. */
function verdicts(sut: InboundCaps, ...ips: string[]): (string | null)[] {
  return ips.map((ip) => sut.admit(asConnection(new FakeConnection(ip))))
}

test('a host has its places and no more', () => {
  assert.deepEqual(verdicts(caps(), '8.8.8.8', '8.8.8.8', '8.8.8.8'), [null, null, 'host'])
})

test('a subnet has its places and no more', () => {
  const expected = [null, null, null, 'subnet', null]
  assert.deepEqual(
    verdicts(caps(), '8.8.8.1', '8.8.8.2', '8.8.8.3', '8.8.8.4', '8.8.9.1'),
    expected,
  )
})

test('an IPv6 customer is a /64 and a provider a /48', () => {
  assert.deepEqual(verdicts(caps(), '2a01:1:1:1::1', '2a01:1:1:1::2', '2a01:1:1:1::3'), [
    null,
    null,
    'host',
  ])
  const across = ['2a01:1:1:1::1', '2a01:1:1:2::1', '2a01:1:1:3::1', '2a01:1:1:4::1']
  assert.deepEqual(verdicts(caps(), ...across), [null, null, null, 'subnet'])
})

test('a private address stands for many', () => {
  const ip = '172.17.0.1'
  assert.deepEqual(verdicts(caps(), ip, ip, ip, ip, ip), [null, null, null, null, 'private-host'])
})

test('loopback has no cap where the operator means it', () => {
  const many = new Array<string>(10).fill('127.0.0.1')
  assert.ok(verdicts(caps(true), ...many).every((verdict) => verdict === null))
  assert.equal(verdicts(caps(false), ...many).at(-1), 'private-host')
})

test('a closed connection gives its place back and leaves nothing behind', () => {
  const sut = caps()
  const connections = ['8.8.8.8', '8.8.8.8'].map((ip) => new FakeConnection(ip))
  for (const connection of connections) assert.equal(sut.admit(asConnection(connection)), null)
  assert.deepEqual(verdicts(sut, '8.8.8.8'), ['host'])
  for (const connection of connections) connection.close()
  assert.equal(sut.size, 0)
  assert.deepEqual(verdicts(sut, '8.8.8.8'), [null])
})

test('a connection that is gone already is not counted for ever', () => {
  const sut = caps()
  const connection = new FakeConnection('8.8.8.8')
  connection.close()
  assert.equal(sut.admit(asConnection(connection)), 'gone')
  assert.equal(sut.size, 0)
})
