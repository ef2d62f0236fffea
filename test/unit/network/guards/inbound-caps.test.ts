import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Exemptions } from '../../../../src/network/guards/exempt-networks.ts'
import { InboundCaps } from '../../../../src/network/guards/inbound-caps.ts'
import { sourceOf } from '../../../../src/network/guards/source.ts'
import { FakeArrival } from './fake-arrival.ts'

/** Caps behind one source for each IP. */
function caps(networks: readonly string[] = [], isLoopbackExempt = false) {
  const sut = new InboundCaps({ perHost: 2, perSubnet: 3, perPrivateHost: 4 })
  const exemptions = new Exemptions({ networks, isLoopbackExempt: () => isLoopbackExempt })
  return {
    sut,
    admit: (connection: FakeArrival) =>
      sut.admit(connection, sourceOf(connection.remoteAddr, exemptions)),
  }
}

/** Admits one connection from each IP and tells the verdicts. */
function verdicts({ admit }: ReturnType<typeof caps>, ...ips: string[]): (string | null)[] {
  return ips.map((ip) => admit(new FakeArrival(ip)))
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
  assert.ok(verdicts(caps([], true), ...many).every((verdict) => verdict === null))
  assert.equal(verdicts(caps(), ...many).at(-1), 'private-host')
})

test('a closed connection gives its place back and leaves nothing behind', () => {
  const guard = caps()
  const connections = ['8.8.8.8', '8.8.8.8'].map((ip) => new FakeArrival(ip))
  for (const connection of connections) assert.equal(guard.admit(connection), null)
  assert.deepEqual(verdicts(guard, '8.8.8.8'), ['host'])
  for (const connection of connections) connection.close()
  assert.equal(guard.sut.size, 0)
  assert.deepEqual(verdicts(guard, '8.8.8.8'), [null])
})

test('a connection that is gone already is not counted for ever', () => {
  const guard = caps()
  const connection = new FakeArrival('8.8.8.8')
  connection.close()
  assert.equal(guard.admit(connection), 'gone')
  assert.equal(guard.sut.size, 0)
})

test('an exempt network has no cap, in whatever spelling the address comes', () => {
  const exempt = caps(['8.8.0.0/16', '2a01:1::/32'])
  const many = ['8.8.8.8', '::ffff:8.8.8.8', '2a01:1:1:1::1'].flatMap((ip) =>
    new Array<string>(10).fill(ip),
  )
  assert.ok(verdicts(exempt, ...many).every((verdict) => verdict === null))
  assert.equal(exempt.sut.size, 0)
  assert.deepEqual(verdicts(exempt, '8.9.8.8', '8.9.8.8', '8.9.8.8'), [null, null, 'host'])
})
