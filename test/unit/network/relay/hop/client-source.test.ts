import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'

import {
  hostKeyOf,
  isRelayed,
  newestDirect,
  relayClientOf,
} from '../../../../../src/network/relay/hop/client-source.ts'
import { PEERS } from '../../fakes.ts'

const remotePeer = peerIdFromString(PEERS[0])

function connection(address: string, overrides: Partial<Connection> = {}): Connection {
  const remoteAddr = multiaddr(address)
  const timeline = { open: 1 }
  return { remotePeer, remoteAddr, status: 'open', timeline, ...overrides } as Connection
}

const SOURCES = [
  ['/ip4/203.0.113.7/tcp/4001', '203.0.113.7', '203.0.113/24'],
  ['/ip4/192.168.1.7/tcp/4001', '192.168.1.7', '192.168.1.7'],
  ['/ip4/127.0.0.1/tcp/4001/ws', '127.0.0.1', '127.0.0.1'],
  ['/ip6/2600:db8:1:2::7/tcp/4001', '2600:db8:1:2:0:0:0:7', '2600:db8:1/48'],
  ['/ip6/::ffff:203.0.113.7/tcp/4001', '203.0.113.7', '203.0.113/24'],
] as const

for (const [address, host, subnet] of SOURCES) {
  test(`a client at ${address} comes from ${host} in ${subnet}`, () => {
    const client = relayClientOf(connection(address))
    assert.equal(client.peerId, PEERS[0])
    assert.equal(client.host, host)
    assert.equal(client.subnet, subnet)
  })
}

test("a client that comes through a relay has no host: the address is the relay's", () => {
  const through = `/ip4/203.0.113.7/tcp/4001/p2p/${PEERS[1]}/p2p-circuit/p2p/${PEERS[0]}`
  const { host, subnet } = relayClientOf(connection(through))
  assert.deepEqual([host, subnet], ['', ''])
})

test('an IPv4 address is one host, a public IPv6 one is its /64, a private one itself', () => {
  assert.equal(hostKeyOf({ host: '203.0.113.7' }), '203.0.113.7')
  assert.equal(
    hostKeyOf({ host: '2600:db8:1:2:0:0:0:7' }),
    hostKeyOf({ host: '2600:db8:1:2:1:1:1:1' }),
  )
  assert.notEqual(
    hostKeyOf({ host: 'fd00:0:0:1:0:0:0:7' }),
    hostKeyOf({ host: 'fd00:0:0:1:0:0:0:8' }),
  )
})

test('a connection is relayed when it has limits or leads through a circuit', () => {
  const circuit = `/ip4/203.0.113.7/tcp/4001/p2p/${PEERS[1]}/p2p-circuit`
  assert.equal(isRelayed(connection('/ip4/203.0.113.7/tcp/4001')), false)
  assert.equal(isRelayed(connection(circuit)), true)
  assert.equal(isRelayed(connection('/ip4/203.0.113.7/tcp/4001', { limits: { seconds: 1 } })), true)
})

test('the newest direct connection that is open is taken', () => {
  const at = (open: number, overrides: Partial<Connection> = {}) =>
    connection('/ip4/203.0.113.7/tcp/4001', { timeline: { open }, ...overrides })
  const newest = at(3)
  const closed = at(9, { status: 'closed' })
  const limited = at(8, { limits: { seconds: 1 } })
  assert.equal(newestDirect([at(1), newest, at(2), closed, limited]), newest)
  assert.equal(newestDirect([closed, limited]), null)
})
