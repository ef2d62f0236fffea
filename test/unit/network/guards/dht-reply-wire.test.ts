import assert from 'node:assert/strict'
import { test } from 'node:test'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'

import { decodeCloser } from '../../../../src/network/guards/dht-reply-wire.ts'
import { hostLimits } from '../../../../src/network/limits.ts'
import { WireError } from '../../../../src/network/relay/hop/protobuf.ts'
import { field } from '../../../support/dht.ts'
import { PEERS } from '../fakes.ts'

const { dhtReplies } = hostLimits(512)
const ID = peerIdFromString(PEERS[0]).toMultihash().bytes
const TEXT = '/ip4/8.8.8.8/tcp/4002'
const ADDRESS = multiaddr(TEXT).bytes

interface Written {
  readonly id?: Uint8Array
  readonly addresses?: readonly Uint8Array[]
}

function reply(...peers: readonly Written[]): Uint8Array {
  const written = peers.map(({ id = ID, addresses = [ADDRESS] }) =>
    field(8, Buffer.concat([field(1, id), ...addresses.map((bytes) => field(2, bytes))])),
  )
  return Buffer.concat([Buffer.from([0x08, 4]), ...written])
}

function read(bytes: Uint8Array) {
  return decodeCloser(bytes, dhtReplies).map(({ id, multiaddrs }) => ({
    id: id.toString(),
    addresses: multiaddrs.map(String),
  }))
}

/** An address with a name that makes it as long as that. */
function addressOf(bytes: number): Uint8Array {
  const name = Buffer.alloc(bytes - 3, 'a')
  return Buffer.concat([Buffer.from([54, (name.length & 0x7f) | 0x80, name.length >> 7]), name])
}

test('a reply’s peers are read, twenty of them and eight addresses of each', () => {
  const many = { addresses: new Array<Uint8Array>(9).fill(ADDRESS) }
  const peers = read(reply(...new Array<Written>(21).fill(many)))
  const expected = { id: PEERS[0], addresses: new Array<string>(8).fill(TEXT) }
  assert.deepEqual(peers, new Array(20).fill(expected))
})

for (const [what, id] of [
  ['longer than any', Buffer.concat([Buffer.from([0x12, 63]), Buffer.alloc(63)])],
  ['that is none', Buffer.from([1, 2, 3])],
  ['that is missing', Buffer.alloc(0)],
] as const) {
  test(`a peer with an ID ${what} is left out, and the others are not`, () => {
    const peers = read(reply({ id }, {}))
    assert.deepEqual(peers, [{ id: PEERS[0], addresses: [TEXT] }])
  })
}

test('an address that is too long or none is left out, and the others are not', () => {
  const addresses = [addressOf(513), addressOf(512), Buffer.from([0xff, 0x7f]), ADDRESS]
  const [peer] = read(reply({ addresses }))
  assert.deepEqual(peer?.addresses, [`/dns4/${'a'.repeat(509)}`, TEXT])
})

test('what is no protobuf is no reply', () => {
  assert.throws(() => read(reply({}).subarray(0, -1)), WireError)
})
