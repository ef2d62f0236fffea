import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { CandidateTable } from '../../../../src/network/dialer/candidate-table.ts'
import { chooseCandidates } from '../../../../src/network/dialer/choose.ts'
import { afterFailure, CANDIDATE_POLICY } from '../../../../src/network/dialer/retry.ts'
import { PEERS } from '../fakes.ts'

const [OWN, B, C] = PEERS

function tableWith(limit = 10): CandidateTable {
  return new CandidateTable({ ownPeerId: OWN, limit })
}

function addressesOf(table: CandidateTable): string[] {
  const [entry] = table.values()
  return entry?.addresses.map(({ address }) => address) ?? []
}

describe('candidate table', () => {
  it('refuses ourselves, malformed peer IDs and what no transport dials', () => {
    const table = tableWith()
    const good = '/ip4/192.0.2.1/tcp/4002'
    const refused = [
      { peerId: OWN, addresses: [good] },
      { peerId: null, addresses: [`${good}/p2p/${OWN}`] },
      { peerId: 'nobody', addresses: [good] },
      { peerId: B, addresses: [] },
      { peerId: B, addresses: [`${good}/p2p/${C}`] },
      { peerId: B, addresses: ['/ip4/192.0.2.1/udp/4002/quic-v1'] },
      { peerId: B, addresses: ['/dnsaddr/example.org'] },
      { peerId: B, addresses: [`${good}/p2p/${C}/p2p-circuit/p2p/${B}`] },
    ]
    for (const candidate of refused) {
      assert.equal(table.propose({ source: 'dht', ...candidate }), false, candidate.addresses[0])
    }
    assert.equal(table.size, 0)
  })

  it('keeps four relayed addresses beside the direct ones, where they are of use', () => {
    const table = new CandidateTable({ ownPeerId: OWN, limit: 10, isRelayUsed: true })
    const via = (n: number) => `/ip4/192.0.2.${n}/tcp/4002/p2p/${C}/p2p-circuit`
    const addresses = Array.from({ length: 1000 }, (_, n) => via((n % 250) + 1))
    assert.equal(table.propose({ source: 'registry', peerId: B, addresses }), true)
    const [entry] = table.values()
    assert.deepEqual([entry?.addresses.length, entry?.relayed.length], [0, 4])
    table.propose({ source: 'dht', peerId: B, addresses: ['/ip4/192.0.2.1/tcp/4002'] })
    assert.deepEqual([entry?.addresses.length, entry?.relayed.length], [1, 4])
  })

  it('refuses a relayed address of somebody else, of nobody and through the peer itself', () => {
    const table = new CandidateTable({ ownPeerId: OWN, limit: 10, isRelayUsed: true })
    const at = '/ip4/192.0.2.1/tcp/4002'
    const refused = [
      { peerId: B, addresses: [`${at}/p2p/${C}/p2p-circuit/p2p/${OWN}`] },
      { peerId: B, addresses: [`${at}/p2p/${B}/p2p-circuit`] },
      { peerId: null, addresses: [`${at}/p2p/${C}/p2p-circuit`] },
      { peerId: null, addresses: [`${at}/p2p/${C}/p2p-circuit/p2p/${OWN}`] },
    ]
    for (const candidate of refused) {
      assert.equal(table.propose({ source: 'dht', ...candidate }), false, candidate.addresses[0])
    }
    assert.equal(table.size, 0)
  })

  it('keeps at most eight addresses of a peer, and proven ones before hearsay', () => {
    const table = tableWith()
    const proven = '/ip4/192.0.2.1/tcp/4002'
    table.propose({ source: 'address-book', peerId: B, addresses: [proven] })
    for (let n = 0; n < 5; n++) {
      const addresses = [1, 2, 3, 4].map((i) => `/ip4/198.51.100.${n * 4 + i}/tcp/4002`)
      table.propose({ source: 'dht', peerId: B, addresses })
    }
    const addresses = addressesOf(table)
    assert.equal(addresses.length, 8)
    assert.equal(addresses[0], proven)
    // The newest word of the same rank comes first.
    assert.equal(addresses[1], '/ip4/198.51.100.17/tcp/4002')
  })

  describe('of a peer that was reached at eight addresses', () => {
    const proven = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `/ip4/192.0.2.${n}/tcp/4002`)
    const moved = '/ip4/203.0.113.9/tcp/4002'
    const known = () => {
      const table = tableWith()
      table.propose({ source: 'address-book', peerId: B, addresses: proven })
      return table
    }

    for (const source of ['mdns', 'peer-exchange', 'registry', 'dht'] as const) {
      it(`dials where it is now by the word of ${source} second`, () => {
        const table = known()
        table.propose({ source, peerId: B, addresses: [moved, '/ip4/203.0.113.10/tcp/4002'] })
        assert.deepEqual(addressesOf(table), [proven[0], moved, ...proven.slice(1, 7)])
      })
    }

    it('keeps half of the places for those, and the first, whatever all others say', () => {
      const table = known()
      for (let n = 0; n < 50; n++) {
        for (const [k, source] of (
          ['dht', 'peer-exchange', 'registry', 'mdns'] as const
        ).entries()) {
          const addresses = [1, 2, 3, 4].map((i) => `/ip4/198.${k}.${n}.${i}/tcp/4002`)
          table.propose({ source, peerId: B, addresses })
        }
      }
      const addresses = addressesOf(table)
      assert.equal(addresses.length, 8)
      assert.equal(addresses[0], proven[0])
      assert.deepEqual(
        addresses.filter((address) => proven.includes(address)),
        proven.slice(0, 4),
      )
    })

    it('lets nobody else say which of them comes first', () => {
      const table = known()
      table.propose({ source: 'dht', peerId: B, addresses: [proven[5] ?? ''] })
      assert.deepEqual(addressesOf(table), proven)
      table.propose({ source: 'address-book', peerId: B, addresses: [proven[5] ?? ''] })
      assert.equal(addressesOf(table)[0], proven[5])
    })
  })

  it('never holds more than its limit', () => {
    const table = tableWith(10)
    for (let n = 1; n <= 200; n++) {
      table.propose({ source: 'dht', peerId: null, addresses: [`/ip4/192.0.2.${n}/tcp/4002`] })
    }
    assert.equal(table.size, 10)
  })

  it('keeps the backoff of a peer that is proposed again', () => {
    const table = tableWith()
    const candidate = { source: 'dht', peerId: B, addresses: ['/ip4/192.0.2.1/tcp/4002'] } as const
    table.propose(candidate)
    const [entry] = table.values()
    assert.ok(entry !== undefined)
    entry.retry = afterFailure(entry.retry, CANDIDATE_POLICY, 1000, () => 0.5)
    table.propose(candidate)
    assert.equal([...table.values()][0]?.retry.failures, 1)
  })
})

describe('choice of candidates', () => {
  const choose = (table: CandidateTable, count: number, connectedSubnets: string[] = []) =>
    chooseCandidates({
      entries: table.values(),
      connectedPeerIds: new Set([C]),
      connectedSubnets,
      count,
      isIsolated: false,
      nowMs: 10_000,
      random: () => 0.5,
    })

  it('spreads over subnets before it takes a second from one', () => {
    const table = tableWith()
    for (const ip of ['192.0.2.1', '192.0.2.2', '192.0.2.3', '198.51.100.1', '203.0.113.1']) {
      table.propose({ source: 'dht', peerId: null, addresses: [`/ip4/${ip}/tcp/4002`] })
    }
    const chosen = choose(table, 2, ['192.0.2.0/24']).map(({ networks: [one] }) => one?.subnet)
    assert.deepEqual(chosen.sort(), ['198.51.100.0/24', '203.0.113.0/24'])
  })

  it('leaves out who is connected, being dialled or backing off', () => {
    const table = tableWith()
    table.propose({ source: 'dht', peerId: C, addresses: ['/ip4/192.0.2.1/tcp/4002'] })
    table.propose({ source: 'dht', peerId: B, addresses: ['/ip4/192.0.2.2/tcp/4002'] })
    table.propose({ source: 'dht', peerId: null, addresses: ['/ip4/192.0.2.3/tcp/4002'] })
    for (const entry of table.values()) {
      if (entry.peerId === B) entry.isDialing = true
      if (entry.peerId === null) {
        entry.retry = afterFailure(entry.retry, CANDIDATE_POLICY, 9000, () => 0.5)
      }
    }
    assert.deepEqual(choose(table, 5), [])
  })
})
