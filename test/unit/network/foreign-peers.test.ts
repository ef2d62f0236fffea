import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'

import { ForeignPeers, isOtherVersion } from '../../../src/network/foreign-peers.ts'
import type { PeerEvents } from '../../../src/network/peers.ts'
import { protocolNames } from '../../../src/network/protocols.ts'
import { silentLogger } from '../../../src/telemetry/index.ts'
import { ManualClock } from './fakes.ts'

const NAMES = protocolNames('wesense')

describe('a peer of another version', () => {
  it('is known by a protocol of ours that it speaks in other versions only', () => {
    assert.ok(isOtherVersion(['/wesense/id/1.0.0', '/wesense/kad/2.0.0'], NAMES))
    assert.ok(isOtherVersion([NAMES.identify, '/wesense/ping/1.1.0'], NAMES))
  })

  it('is none that speaks both, fewer, or more than we do', () => {
    const browser = [NAMES.identify, NAMES.ping, '/wesense/id/push/1.0.0']
    assert.ok(!isOtherVersion(browser, NAMES))
    assert.ok(!isOtherVersion([...browser, NAMES.kad, '/wesense/kad/2.0.0'], NAMES))
    assert.ok(!isOtherVersion([...browser, '/wesense/weather/9.0.0'], NAMES))
    assert.ok(!isOtherVersion([...browser, '/elsewhere/kad/2.0.0'], NAMES))
  })
})

describe('telling of foreign peers', () => {
  it('counts each, and logs a few at once and one a minute', async () => {
    const counted: string[] = []
    const logged = { info: 0, debug: 0 }
    const clock = new ManualClock()
    const events: PeerEvents & { removeEventListener: PeerEvents['addEventListener'] } = {
      addEventListener: () => {},
      removeEventListener: () => {},
      getConnections: () => [],
    }
    const foreign = new ForeignPeers(
      { names: NAMES, hasNetworkKey: true },
      {
        events,
        metrics: { peerForeign: (reason) => void counted.push(reason) },
        logger: {
          ...silentLogger,
          info: () => {
            logged.info += 1
          },
          debug: () => {
            logged.debug += 1
          },
        },
        clock,
      },
    )
    const scan = (times: number) => {
      for (let i = 0; i < times; i++) {
        foreign.noteHandshake({ remoteAddr: multiaddr('/ip4/203.0.113.9/tcp/1') })
      }
    }
    scan(1_000)
    assert.deepEqual(logged, { info: 10, debug: 990 })
    await clock.advance(120_000)
    scan(5)
    assert.equal(logged.info, 12)
    assert.equal(counted.length, 1_005)
    assert.deepEqual([...new Set(counted)], ['network_key'])
  })
})
