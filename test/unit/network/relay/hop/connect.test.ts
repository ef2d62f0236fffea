import assert from 'node:assert/strict'
import { test } from 'node:test'
import { peerIdFromString } from '@libp2p/peer-id'

import { destinationOf } from '../../../../../src/network/relay/hop/connect.ts'

const PEER = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'

test('a destination is a peer ID, and one that takes long to write is none', () => {
  const addresses: Uint8Array[] = []
  assert.equal(destinationOf({ id: peerIdFromString(PEER).toMultihash().bytes, addresses }), PEER)
  assert.equal(destinationOf(null), null)
  assert.equal(destinationOf({ id: Buffer.from('no'), addresses }), null)
  // A hash of 256 bits, as it says, and of 4 000 bytes.
  const long = Buffer.concat([Buffer.from([0x12, 0xa0, 0x1f]), Buffer.alloc(4_000, 0xff)])
  assert.equal(destinationOf({ id: long, addresses }), null)
})
