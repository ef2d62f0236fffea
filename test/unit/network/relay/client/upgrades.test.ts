import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import type { IdentifyResult } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'

import { DialPermits } from '../../../../../src/network/dial-permits.ts'
import type { Reached } from '../../../../../src/network/dialer/dial-port.ts'
import { createRelayClientMetrics } from '../../../../../src/network/relay/client/metrics.ts'
import { Upgrades } from '../../../../../src/network/relay/client/upgrades.ts'
import type { Candidate } from '../../../../../src/network/types.ts'
import { createMetrics, silentLogger } from '../../../../../src/telemetry/index.ts'
import { ManualClock, PEERS, settle } from '../../fakes.ts'
import { peerIdNumber } from './fakes.ts'

const [RELAY, PEER] = PEERS
const STATION = '/test/id/1.0.0'

interface Found {
  readonly peerId?: string
  readonly direction?: 'inbound' | 'outbound'
  readonly addresses?: readonly (string | Uint8Array)[]
  readonly protocols?: readonly string[]
  readonly isDirect?: boolean
}

function setUp(t: TestContext) {
  const listeners = new Set<(event: CustomEvent<IdentifyResult>) => void>()
  const state = { direct: null as Reached | null, isConnected: false }
  const dials: Candidate[] = []
  const hungUp: string[] = []
  const clock = new ManualClock()
  const registry = createMetrics()
  const permits = new DialPermits()
  const upgrades = new Upgrades(
    { stationProtocol: STATION },
    {
      libp2p: {
        addEventListener: (_: string, listener: unknown) => listeners.add(listener as never),
        removeEventListener: (_: string, listener: unknown) => listeners.delete(listener as never),
      } as never,
      relayed: {
        isConnected: () => state.isConnected,
        dialRelayed: async () => {},
        whenDirect: async () => state.direct,
        hangUpRelayed: async (peerId) => void hungUp.push(peerId),
      },
      dialer: {
        reach: async (candidate) => {
          dials.push(candidate)
          if (state.direct === null) throw new Error('nobody')
          return state.direct
        },
      },
      permits,
      metrics: createRelayClientMetrics(registry, () => 0),
      logger: silentLogger,
      clock,
    },
  )
  upgrades.start()
  t.after(() => upgrades.stop())
  const identify = async (found: Found = {}) => {
    const { peerId = PEER, direction = 'inbound', isDirect = false, addresses = [] } = found
    const via = isDirect ? '' : `/p2p/${RELAY}/p2p-circuit`
    const detail = {
      peerId: peerIdFromString(peerId),
      protocols: found.protocols ?? [STATION],
      listenAddrs: addresses.map((address) => multiaddr(address)),
      connection: {
        direction,
        remoteAddr: multiaddr(`/ip4/198.51.100.1/tcp/4002${via}/p2p/${peerId}`),
      },
    } as unknown as IdentifyResult
    for (const listener of listeners) listener(new CustomEvent('peer:identify', { detail }))
    await settle()
  }
  const counted = async (outcome: string) => {
    const text = await registry.text()
    const match = new RegExp(`upgrades_total\\{outcome="${outcome}"\\} (\\d+)`).exec(text)
    return Number(match?.[1] ?? 0)
  }
  return { state, dials, hungUp, clock, permits, upgrades, identify, counted }
}

describe('upgrades of relayed connections', () => {
  it('dial the few direct addresses of whoever came through a relay', async (t) => {
    const { state, dials, hungUp, identify, counted } = setUp(t)
    state.direct = { peerId: PEER, address: '/ip4/203.0.113.1/tcp/4002' }
    const many = Array.from({ length: 100 }, (_, n) => `/ip4/203.0.113.${n + 1}/tcp/4002`)
    await identify({ addresses: [`/ip4/198.51.100.1/tcp/4002/p2p/${RELAY}/p2p-circuit`, ...many] })
    assert.equal(dials.length, 1)
    assert.deepEqual(dials[0]?.addresses, many.slice(0, 4))
    assert.deepEqual(hungUp, [PEER])
    assert.equal(await counted('upgraded'), 1)
  })

  it('look at no address that has no text, and at few of a thousand', async (t) => {
    const { dials, identify } = setUp(t)
    const good = '/ip4/203.0.113.1/tcp/4002'
    await identify({ addresses: [Buffer.from('e10304f09f9880', 'hex'), good] })
    assert.deepEqual(dials.pop()?.addresses, [good])
    const circuit = `/ip4/198.51.100.1/tcp/4002/p2p/${RELAY}/p2p-circuit`
    const thousand = [...new Array<string>(1_000).fill(circuit), good]
    await identify({ peerId: await peerIdNumber(1), addresses: thousand })
    assert.deepEqual(dials, [])
  })

  it('are counted when they come to nothing, and leave the circuit to whoever has it', async (t) => {
    const { permits, hungUp, dials, identify, counted } = setUp(t)
    await identify({ addresses: ['/ip4/203.0.113.1/tcp/4002'] })
    assert.equal(dials.length, 1)
    assert.equal(await counted('failed'), 1)
    assert.deepEqual([hungUp, permits.allowsPeer(PEER)], [[], false])
  })

  it('let the one who was dialled go first', async (t) => {
    const { state, dials, identify } = setUp(t)
    state.direct = { peerId: PEER, address: '/ip4/203.0.113.1/tcp/4002' }
    await identify({ direction: 'outbound', addresses: ['/ip4/203.0.113.1/tcp/4002'] })
    assert.deepEqual(dials, [])
  })

  it('are for stations without a direct connection alone', async (t) => {
    const { state, dials, identify, counted } = setUp(t)
    const addresses = ['/ip4/203.0.113.1/tcp/4002']
    await identify({ addresses, protocols: ['/ipfs/id/1.0.0'] })
    await identify({ addresses, isDirect: true })
    state.isConnected = true
    await identify({ addresses })
    assert.deepEqual([dials, await counted('failed'), await counted('refused')], [[], 0, 0])
  })

  it('are tried once a minute with one peer', async (t) => {
    const { dials, clock, identify } = setUp(t)
    const addresses = ['/ip4/203.0.113.1/tcp/4002']
    for (let second = 0; second < 50; second++) {
      await identify({ addresses })
      await clock.advance(1000)
    }
    assert.equal(dials.length, 1)
    await clock.advance(15_000)
    await identify({ addresses })
    assert.equal(dials.length, 2)
  })

  it('are tried again within a minute when the clock is set back', async (t) => {
    const { dials, clock, identify } = setUp(t)
    const addresses = ['/ip4/203.0.113.1/tcp/4002']
    await identify({ addresses })
    clock.setBack(24 * 3_600_000)
    await clock.advance(60_000)
    await identify({ addresses })
    assert.equal(dials.length, 2)
  })

  it('are few, however many peers come through relays to have us dial', async (t) => {
    const { dials, clock, identify, counted } = setUp(t)
    for (let n = 0; n < 120; n++) {
      const peerId = await peerIdNumber(n + 10)
      await identify({ peerId, addresses: [`/ip4/203.0.113.${n + 1}/tcp/4002`] })
      await clock.advance(500)
    }
    assert.ok(dials.length <= 15, `${dials.length} dials in a minute`)
    assert.equal((await counted('refused')) + dials.length, 120)
  })
})
