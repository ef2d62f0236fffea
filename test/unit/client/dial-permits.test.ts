import assert from 'node:assert/strict'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'

import { DialPermits } from '../../../src/client/dial-permits.ts'

const NODE = '/dns/relay.example.org/tcp/4003/tls/ws'
const ID = '/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
const LAN = '/ip4/192.168.1.1/tcp/80/ws'

test('a node and the pages behind it may be dialled, and nothing else', () => {
  for (const given of [NODE, `${NODE}${ID}`]) {
    const permits = new DialPermits([multiaddr(given)])
    for (const [address, isPermitted] of [
      [NODE, true],
      [`${NODE}${ID}`, true],
      [`${NODE}${ID}/p2p-circuit${ID}`, true],
      [`${NODE}${ID}/p2p-circuit/webrtc${ID}`, true],
      [LAN, false],
      [`${LAN}${ID}`, false],
      [`${LAN}${ID}/p2p-circuit${ID}`, false],
      [`${LAN}${ID}/p2p-circuit/webrtc${ID}`, false],
      [`${NODE.replace('4003', '4004')}${ID}`, false],
      [`/p2p-circuit${ID}`, false],
      [`/webrtc${ID}`, false],
      [ID, false],
    ] as const) {
      assert.equal(permits.isPermitted(multiaddr(address)), isPermitted, address)
    }
  }
})

test('a node that is listed no longer is not dialled', () => {
  const permits = new DialPermits([multiaddr(NODE)])
  permits.replace([multiaddr(LAN)])
  assert.deepEqual(
    [NODE, LAN].map((one) => permits.isPermitted(multiaddr(one))),
    [false, true],
  )
})
