import assert from 'node:assert/strict'
import { test } from 'node:test'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'

import { createGater, type GaterComponents } from '../../../src/network/gater.ts'
import { OTHER_PEER_ID } from '../../support/api.ts'
import { PEERS } from './fakes.ts'

const [SELF, RELAY, PEER] = PEERS
const SHUNNED = OTHER_PEER_ID

for (const [what, relay, remote, cap] of [
  ['a peer through its own relay', RELAY, PEER, null],
  ['a peer through another relay', PEER, RELAY, 'not-our-relay'],
  ['a shunned peer through its own relay', RELAY, SHUNNED, 'shunned'],
] as const) {
  test(`a station ${cap === null ? 'takes' : 'refuses'} ${what}`, async () => {
    const refused: string[] = []
    const gater = createGater({
      peerId: SELF,
      isOwnRelay: (peerId: string) => peerId === RELAY,
      penalties: { isShunned: (peerId: string) => peerId === SHUNNED },
      metrics: { inboundRefused: (reason: string) => refused.push(reason) },
    } as unknown as GaterComponents)
    const deny = gater.denyInboundRelayedConnection
    const ids = [peerIdFromString(relay), peerIdFromString(remote)] as const
    assert.equal(await deny?.(...ids), cap !== null)
    assert.deepEqual(refused, cap === null ? [] : [cap])
  })
}

/** `/tls`, again and again: each has two bytes, and four characters. */
const TLS = Buffer.from([0xc0, 0x03])

for (const [what, address, isKept] of [
  ['of a sensible length', multiaddr('/ip4/8.8.8.8/tcp/4002'), true],
  ['longer than any that is dialled', multiaddr(Buffer.concat(new Array(129).fill(TLS))), false],
  ['that has no text', multiaddr(Buffer.from('e10304f09f9880', 'hex')), false],
] as const) {
  test(`an address ${what} is ${isKept ? '' : 'not '}kept of a peer`, async () => {
    const asked: unknown[] = []
    const ask = (...args: unknown[]) => asked.push(args) > 0
    const gater = createGater({
      peerId: SELF,
      addressQuota: { hasPlaceFor: ask, admit: ask },
      dialPolicy: { isDialable: ask },
    } as unknown as GaterComponents)
    assert.equal(await gater.filterMultiaddrForPeer?.(peerIdFromString(PEER), address), isKept)
    assert.equal(asked.length, isKept ? 3 : 0)
  })
}
