import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { multiaddr } from '@multiformats/multiaddr'

import { addressesThrough } from '../../../../../src/network/relay/client/relay-addresses.ts'
import { PEERS } from '../../fakes.ts'

const [RELAY, OTHER] = PEERS

interface Told {
  readonly dialled?: string | null
  readonly told?: readonly string[]
  readonly isDialable?: (address: string) => boolean
}

function through({ dialled = null, told = [], isDialable = () => true }: Told): string[] {
  return addressesThrough({
    peerId: RELAY,
    dialledAddress: dialled,
    told: told.map((address) => multiaddr(address).bytes),
    isDialable,
  }).map((address) => address.replace(`/p2p/${RELAY}/p2p-circuit`, ' via'))
}

describe('addresses through a relay', () => {
  it('begin with where it was reached, then what it tells, each once', () => {
    const dialled = `/ip4/198.51.100.1/tcp/4002/p2p/${RELAY}`
    const told = [dialled, '/dns4/relay.example.org/tcp/4002', '/ip4/198.51.100.1/tcp/4003/ws']
    assert.deepEqual(through({ dialled, told }), [
      '/ip4/198.51.100.1/tcp/4002 via',
      '/dns4/relay.example.org/tcp/4002 via',
      '/ip4/198.51.100.1/tcp/4003/ws via',
    ])
  })

  it('are three at most, however many it tells', () => {
    const told = Array.from(
      { length: 1000 },
      (_, n) => `/ip4/198.51.100.${n % 250}/tcp/${4000 + n}`,
    )
    assert.equal(through({ told }).length, 3)
  })

  it('leave out its LAN where it is public, and name it where it is not', () => {
    const lan = '/ip4/192.168.1.9/tcp/4002'
    assert.deepEqual(through({ dialled: lan, told: ['/ip4/198.51.100.1/tcp/4002'] }), [
      '/ip4/198.51.100.1/tcp/4002 via',
    ])
    assert.deepEqual(through({ dialled: lan }), [`${lan} via`])
  })

  it('leave out what nobody would dial, another peer and further relays', () => {
    const told = [
      '/ip4/198.51.100.1/tcp/25',
      `/ip4/198.51.100.1/tcp/4002/p2p/${OTHER}`,
      `/ip4/198.51.100.1/tcp/4002/p2p/${OTHER}/p2p-circuit`,
      '/ip4/198.51.100.1/udp/4002/quic-v1',
      '/dnsaddr/example.org',
    ]
    assert.deepEqual(through({ told, isDialable: (address) => !address.includes('/tcp/25') }), [])
  })

  it('come of no bytes that are no multiaddr', () => {
    const told = [Uint8Array.of(255, 255, 255), new Uint8Array(0)]
    const place = { peerId: RELAY, dialledAddress: null, told, isDialable: () => true }
    assert.deepEqual(addressesThrough(place), [])
  })
})
