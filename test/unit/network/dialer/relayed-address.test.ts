import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { relayedAddressOf, throughRelay } from '../../../../src/network/dialer/relayed-address.ts'
import { PEERS } from '../fakes.ts'

const [RELAY, PEER, OTHER] = PEERS
const AT = '/ip4/192.0.2.1/tcp/4002'

describe('relayed addresses', () => {
  it('name the relay, where it is and who is behind it', () => {
    const relayed = { relayPeerId: RELAY, relayAddress: AT, peerId: PEER }
    assert.deepEqual(relayedAddressOf(`${AT}/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`), relayed)
    assert.deepEqual(relayedAddressOf(`${AT}/p2p/${RELAY}/p2p-circuit`), {
      ...relayed,
      peerId: null,
    })
    const secure = '/dns4/relay.example.org/tcp/443/tls/ws'
    assert.equal(relayedAddressOf(throughRelay(secure, RELAY))?.relayAddress, secure)
  })

  it('are written as they are read', () => {
    const text = throughRelay(AT, RELAY, PEER)
    assert.equal(text, `${AT}/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`)
    assert.equal(relayedAddressOf(text)?.peerId, PEER)
  })

  for (const [what, text] of [
    ['nonsense', 'nonsense'],
    ['a direct address', `${AT}/p2p/${RELAY}`],
    ['a relay without a name', `${AT}/p2p-circuit/p2p/${PEER}`],
    ['a relay without an address', `/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`],
    ['a relay that is its own client', `${AT}/p2p/${RELAY}/p2p-circuit/p2p/${RELAY}`],
    ['two relays', `${AT}/p2p/${RELAY}/p2p-circuit/p2p/${OTHER}/p2p-circuit/p2p/${PEER}`],
    ['a way on behind the circuit', `${AT}/p2p/${RELAY}/p2p-circuit/webrtc/p2p/${PEER}`],
    ['a relay over UDP', `/ip4/192.0.2.1/udp/4002/quic-v1/p2p/${RELAY}/p2p-circuit`],
    ['a relay behind a TXT record', `/dnsaddr/example.org/p2p/${RELAY}/p2p-circuit`],
    ['two names before the circuit', `${AT}/p2p/${OTHER}/p2p/${RELAY}/p2p-circuit`],
    ['port 0', `/ip4/192.0.2.1/tcp/0/p2p/${RELAY}/p2p-circuit`],
    ['more than 512 characters', `/dns4/${'a'.repeat(500)}/tcp/1/p2p/${RELAY}/p2p-circuit`],
  ] as const) {
    it(`are not: ${what}`, () => assert.equal(relayedAddressOf(text), null))
  }
})
