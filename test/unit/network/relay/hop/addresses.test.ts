import assert from 'node:assert/strict'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'

import { addressesFor } from '../../../../../src/network/relay/hop/addresses.ts'

const PUBLIC = '/ip4/203.0.113.7/tcp/4002'
const NAME = '/dns4/relay.example.org/tcp/4002'
const LAN = '/ip4/192.168.1.7/tcp/4002'
const LOOPBACK = '/ip4/127.0.0.1/tcp/4002'
const CIRCUIT =
  '/ip4/203.0.113.9/tcp/4002/p2p/12D3KooWGRUfrq5pSDMvVHMBvMmUFYpXbmGCRJhRR3k9mfQXrC1B/p2p-circuit'

const CASES = {
  'a client from the internet is told what leads here from there': {
    host: '198.51.100.1',
    announced: [PUBLIC, NAME, LAN, LOOPBACK, CIRCUIT],
    bound: [LAN, LOOPBACK],
    told: [PUBLIC, NAME],
  },
  'a client from the LAN is told the LAN too': {
    host: '192.168.1.20',
    announced: [PUBLIC, LAN, LOOPBACK],
    bound: [LAN, LOOPBACK],
    told: [PUBLIC, LAN],
  },
  'a client of this machine is told everything': {
    host: '127.0.0.1',
    announced: [LAN, LOOPBACK],
    bound: [LAN, LOOPBACK],
    told: [LAN, LOOPBACK],
  },
  'without anything announced, the LAN has what is bound': {
    host: '192.168.1.20',
    announced: [LOOPBACK],
    bound: [LAN, LOOPBACK],
    told: [LAN],
  },
  'without anything announced, the internet has nothing': {
    host: '198.51.100.1',
    announced: [LAN, LOOPBACK],
    bound: [LAN, LOOPBACK, PUBLIC],
    told: [],
  },
}

for (const [name, { host, announced, bound, told }] of Object.entries(CASES)) {
  test(name, () => {
    const client = { peerId: 'a', host, subnet: host }
    const addresses = {
      announced: () => announced.map((address) => multiaddr(address)),
      bound: () => bound.map((address) => multiaddr(address)),
    }
    assert.deepEqual(addressesFor(client, addresses).map(String), told)
  })
}
