import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { multiaddr } from '@multiformats/multiaddr'

import { DialPermits } from '../../../src/network/dial-permits.ts'
import { PEERS } from './fakes.ts'

const [PEER, OTHER] = PEERS

function at(n: number, peerId: string = PEER) {
  return multiaddr(`/ip4/198.51.100.${n}/tcp/4002/p2p/${peerId}`)
}

describe('dial permits', () => {
  it('hold for the addresses of a dial and its peer, while it runs', async () => {
    const permits = new DialPermits()
    await permits.during([at(1)], async () => {
      assert.deepEqual([permits.allowsPeer(PEER), permits.allowsAddress(at(1))], [true, true])
      assert.deepEqual([permits.allowsPeer(OTHER), permits.allowsAddress(at(2))], [false, false])
    })
    assert.deepEqual([permits.allowsPeer(PEER), permits.size], [false, 0])
  })

  it('let a peer that is being upgraded be tried at a dozen addresses, and no other', () => {
    const permits = new DialPermits()
    assert.equal(permits.beginUpgrade(PEER), true)
    assert.equal(permits.allowsPeer(PEER), true)
    assert.equal(permits.allowsAddress(at(1, OTHER)), false)
    assert.equal(permits.allowsAddress(multiaddr('/ip4/198.51.100.1/tcp/4002')), false)
    const allowed = Array.from({ length: 100 }, (_, n) => permits.allowsAddress(at(n)))
    assert.equal(allowed.filter(Boolean).length, 12)
    permits.endUpgrade(PEER)
    assert.deepEqual([permits.allowsPeer(PEER), permits.allowsAddress(at(1))], [false, false])
  })

  it('let no upgrade go through another relay', () => {
    const permits = new DialPermits()
    permits.beginUpgrade(PEER)
    const circuit = multiaddr(`${at(1, OTHER)}/p2p-circuit/p2p/${PEER}`)
    assert.equal(permits.allowsAddress(circuit), false)
  })

  it('are given for one upgrade of a peer, and for 32 peers, at a time', () => {
    const permits = new DialPermits()
    assert.equal(permits.beginUpgrade(PEER), true)
    assert.equal(permits.beginUpgrade(PEER), false)
    const begun = Array.from({ length: 100 }, (_, n) => permits.beginUpgrade(`peer ${n}`))
    assert.equal(begun.filter(Boolean).length, 31)
    permits.endUpgrade(PEER)
    assert.equal(permits.beginUpgrade(OTHER), true)
  })
})
