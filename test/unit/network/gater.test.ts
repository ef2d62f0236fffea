import assert from 'node:assert/strict'
import { test } from 'node:test'
import { peerIdFromString } from '@libp2p/peer-id'

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
