import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { createLibp2pPort } from '../../../../src/network/dialer/libp2p-port.ts'
import { createNetworkOf } from '../../../../src/network/dialer/peer-network.ts'
import type { Host } from '../../../../src/network/host.ts'
import type { ConnectedPeer } from '../../../../src/network/types.ts'
import { ManualClock, PEERS } from '../fakes.ts'

const [OWN, B] = PEERS
const HOUR_MS = 3_600_000

function setUp() {
  const clock = new ManualClock()
  const state: { peers: ConnectedPeer[] } = { peers: [] }
  const host = { peerId: OWN, peers: () => state.peers } as unknown as Host
  const port = createLibp2pPort({ host, now: () => clock.now(), networkOf: createNetworkOf() })
  const connect = (peer: Partial<ConnectedPeer> = {}) =>
    state.peers.push({
      peerId: B,
      remoteAddress: '/ip4/192.0.2.1/tcp/4002',
      direction: 'outbound',
      connectedAtMs: clock.now(),
      isStation: true,
      isClient: false,
      isLimited: false,
      ...peer,
    } as ConnectedPeer)
  return { clock, state, port, connect }
}

describe('the list of open peers', () => {
  it('of thousands is made anew after a while, also when the clock is set back', async () => {
    const { clock, state, port, connect } = setUp()
    for (let n = 0; n < 2000; n++) connect()
    assert.equal(port.peers().length, 2000)
    state.peers = []
    assert.equal(port.peers().length, 2000)
    await clock.advance(2000)
    assert.equal(port.peers().length, 0)
    for (let n = 0; n < 2000; n++) connect()
    assert.equal(port.peers().length, 2000)
    state.peers = []
    clock.setBack(HOUR_MS)
    assert.equal(port.peers().length, 0)
  })

  it('of one that is gone does not hold it when the clock is set back', () => {
    const { clock, state, port, connect } = setUp()
    connect()
    assert.equal(port.peers().length, 1)
    state.peers = []
    clock.setBack(HOUR_MS)
    assert.equal(port.peers().length, 0)
  })

  it('takes nobody for a stranger who had no time to say what it is when the clock is set back', () => {
    const { clock, port, connect } = setUp()
    connect({ isStation: false })
    assert.equal(port.peers()[0]?.isStation, null)
    clock.setBack(HOUR_MS)
    assert.equal(port.peers()[0]?.isStation, null)
  })
})
