import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { DhtSource, type WalkedPeer } from '../../../../src/network/discovery/dht.ts'
import { RegistryPeers } from '../../../../src/network/discovery/registry-peers.ts'
import type { Candidate } from '../../../../src/network/types.ts'
import { silentLogger } from '../../../../src/telemetry/index.ts'
import { ManualClock, PEERS, settle } from '../fakes.ts'

const [A, B] = PEERS
const ADDRESS = '/ip4/192.0.2.1/tcp/4002'

function dhtSource(t: TestContext, found: readonly WalkedPeer[]) {
  const clock = new ManualClock()
  const state = { connected: 0, isBelowTarget: true }
  const keys: Uint8Array[] = []
  const proposed: Candidate[] = []
  const source = new DhtSource(
    {},
    {
      walk: async function* (key) {
        keys.push(key)
        yield* found
      },
      ownKey: Uint8Array.of(1, 2, 3),
      connectedCount: () => state.connected,
      isBelowTarget: () => state.isBelowTarget,
      propose: (candidate) => proposed.push(candidate) > 0,
      logger: silentLogger,
      clock,
    },
  )
  t.after(() => source.stop())
  source.start()
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds; i += 6) await clock.advance(6000)
  }
  return { source, state, keys, proposed, clock, pass }
}

describe('DHT source', () => {
  it('waits for a connection, then walks to its own and to random keys in turns', async (t) => {
    const { state, keys, pass } = dhtSource(t, [])
    await pass(60)
    assert.equal(keys.length, 0)
    state.connected = 1
    await pass(120)
    assert.ok(keys.length >= 3)
    assert.deepEqual(keys[0], Uint8Array.of(1, 2, 3))
    assert.equal(keys[1]?.length, 38)
    assert.deepEqual(keys[2], keys[0])
  })

  it('walks seldom once there are peers enough', async (t) => {
    const { state, keys, pass } = dhtSource(t, [])
    state.connected = 12
    state.isBelowTarget = false
    await pass(590)
    assert.equal(keys.length, 1)
  })

  it('goes on walking when the clock is set back', async (t) => {
    const { state, keys, clock, pass } = dhtSource(t, [])
    state.connected = 1
    await pass(60)
    const before = keys.length
    clock.setBack(24 * 3_600_000)
    await pass(60)
    assert.ok(keys.length > before)
  })

  it('proposes each peer of a walk once, at most 64, and none without address', async (t) => {
    const many = Array.from({ length: 100 }, (_, n) => ({ peerId: `p${n}`, addresses: [ADDRESS] }))
    const found = [{ peerId: 'none', addresses: [] }, ...many, ...many]
    const { state, proposed, pass } = dhtSource(t, found)
    state.connected = 1
    await pass(60)
    const { length } = proposed
    assert.ok(length > 0 && length % 64 === 0, `${length} proposals`)
    assert.equal(new Set(proposed.map(({ peerId }) => peerId)).size, 64)
  })

  it('gives a hanging walk up', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const clock = new ManualClock()
    let ended = false
    const source = new DhtSource(
      {},
      {
        walk: async function* (_, signal) {
          await new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason))
          }).finally(() => {
            ended = true
          })
        },
        ownKey: new Uint8Array(),
        connectedCount: () => 1,
        isBelowTarget: () => true,
        propose: () => true,
        logger: silentLogger,
        clock,
      },
    )
    source.start()
    await settle()
    t.mock.timers.tick(20_000)
    await settle()
    assert.ok(ended)
    await source.stop()
  })
})

describe('registry source', () => {
  it('hands on at most eight addresses, and nothing without one', () => {
    const proposed: Candidate[] = []
    const source = new RegistryPeers({ propose: (candidate) => proposed.push(candidate) > 0 })
    const addresses = Array.from({ length: 20 }, () => ADDRESS)
    assert.equal(source.propose({ peerId: A, addresses }), true)
    assert.equal(source.propose({ peerId: B, addresses: [] }), false)
    assert.equal(proposed[0]?.addresses.length, 8)
    assert.equal(proposed[0]?.source, 'registry')
  })

  it('takes a burst and then ten a second', async () => {
    const clock = new ManualClock()
    const source = new RegistryPeers({ propose: () => true, clock })
    const offer = () =>
      Array.from({ length: 2000 }, () => source.propose({ peerId: A, addresses: [ADDRESS] }))
    assert.equal(offer().filter(Boolean).length, 1024)
    await clock.advance(1000)
    assert.equal(offer().filter(Boolean).length, 10)
  })
})
