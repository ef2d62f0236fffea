import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'

import { createGater, type GaterComponents } from '../../../src/network/gater.ts'
import { Places } from '../../../src/network/guards/places.ts'
import { WEBRTC_LIMITS } from '../../../src/network/webrtc/inbound-gate.ts'
import { OTHER_PEER_ID } from '../../support/api.ts'
import { peerIdOf } from '../../support/peer-ids.ts'
import { PEERS } from './fakes.ts'
import { FakeArrival } from './guards/fake-arrival.ts'

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

describe('a browser over WebRTC-direct, where all places of its process are taken', () => {
  const PLACES = { crowdedShare: 0.85, identifyWithinMs: 15_000, perPeer: 8, keptShare: 0 }

  function webRtcGater(total = WEBRTC_LIMITS.maxConnections) {
    const refused: string[] = []
    const places = (total: number) =>
      new Places({ ...PLACES, total }, { standingOf: () => 'stranger', onEvicted() {} })
    const all = places(1_000)
    const gater = createGater({
      exemptions: { has: () => false },
      places: all,
      webRtcPlaces: places(total),
      handshakes: { end() {} },
      turns: { end() {} },
      penalties: { isShunned: () => false, arrivals: { upgraded() {} } },
      metrics: { inboundRefused: (cap: string) => refused.push(cap) },
    } as unknown as GaterComponents)
    let count = 0
    /** @returns its connection; null when it is refused */
    const arrive = async (ip: string, address = `/ip4/${ip}/udp/1/webrtc-direct`) => {
      count += 1
      const connection = new FakeArrival(ip)
      Object.assign(connection, { remoteAddr: multiaddr(address) })
      const known = [peerIdFromString(peerIdOf(`${count}`)), connection as never] as const
      // Before a muxer is made, and after.
      if ((await gater.denyInboundEncryptedConnection?.(...known)) === true) return null
      if ((await gater.denyInboundUpgradedConnection?.(...known)) === true) return null
      return connection
    }
    return { arrive, refused, counts: () => all.counts.total }
  }

  it('gets in beside eight addresses that took them, and the newest of theirs goes', async () => {
    const { arrive, refused, counts } = webRtcGater()
    const crowd: (FakeArrival | null)[] = []
    for (const net of ['203.0.112', '198.51.99', '192.0.3', '8.8.8']) {
      for (const host of [`${net}.1`, `${net}.2`]) {
        for (let i = 0; i < 16; i++) crowd.push(await arrive(host))
      }
    }
    assert.equal(counts(), WEBRTC_LIMITS.maxConnections)
    assert.notEqual(await arrive('1.2.3.4'), null)
    assert.equal(counts(), WEBRTC_LIMITS.maxConnections)
    const gone = crowd.filter((one) => one?.status !== 'open')
    assert.deepEqual(
      gone.map((one) => crowd.indexOf(one)).map((at) => at % 32),
      [31],
      'the newest of one of the four networks',
    )
    assert.deepEqual(refused, [])
  })

  it('is refused where it would be one more of the largest crowd, and nobody goes', async () => {
    const { arrive, refused } = webRtcGater(4)
    const others = [await arrive('8.8.8.1'), await arrive('8.8.8.1'), await arrive('8.8.8.2')]
    others.push(await arrive('1.2.3.4'))
    assert.equal(await arrive('8.8.8.3'), null)
    assert.deepEqual(refused, ['webrtc'])
    assert.ok(others.every((one) => one?.status === 'open'))
  })

  it('takes no place from who came another way, nor they one of those', async () => {
    const { arrive, refused } = webRtcGater(1)
    const browser = await arrive('8.8.8.1')
    const station = await arrive('8.8.8.1', '/ip4/8.8.8.1/tcp/4002')
    assert.deepEqual([browser?.status, station?.status], ['open', 'open'])
    assert.equal(await arrive('8.8.8.1'), null)
    assert.deepEqual(refused, ['webrtc'])
  })
})
