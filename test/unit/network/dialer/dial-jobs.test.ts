import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { Attempts } from '../../../../src/network/dialer/attempts.ts'
import { CandidateTable } from '../../../../src/network/dialer/candidate-table.ts'
import { DialJobs } from '../../../../src/network/dialer/dial-jobs.ts'
import { Outbound } from '../../../../src/network/dialer/outbound.ts'
import { afterFailure, CANDIDATE_POLICY } from '../../../../src/network/dialer/retry.ts'
import { createDiscoveryMetrics } from '../../../../src/network/discovery/metrics.ts'
import { Seeds } from '../../../../src/network/discovery/seeds.ts'
import { createMetrics } from '../../../../src/telemetry/index.ts'
import { FakePort, fakeResolver, ManualClock, PEERS, recordingLogger } from '../fakes.ts'

const [SELF, PEER] = PEERS

/** A job for a peer that turns out to be where two others are. */
function setUp() {
  const port = new FakePort(SELF)
  const clock = new ManualClock()
  const logger = recordingLogger()
  const outbound = new Outbound()
  const table = new CandidateTable({ ownPeerId: SELF })
  table.propose({ source: 'registry', peerId: PEER, addresses: ['/ip4/203.0.113.1/tcp/4002'] })
  const entry = table.touch(PEER)
  assert.ok(entry)
  const random = () => 0.5
  port.onPeer((peerId, isConnected) => {
    if (isConnected) return outbound.noteConnected(peerId, clock.now())
    outbound.noteDisconnected(peerId, clock.now())
    if (peerId === PEER) {
      entry.retry = afterFailure(entry.retry, CANDIDATE_POLICY, clock.now(), random)
    }
  })
  const address = '/ip4/198.51.100.1/tcp/4002'
  for (const peerId of ['first', 'second']) {
    port.connect(peerId, { address })
    outbound.choose(peerId, [port.networkOf(address)])
  }
  const resolver = fakeResolver({})
  const now = () => clock.now()
  const jobs = new DialJobs({
    port,
    table,
    outbound,
    logger,
    clock,
    random,
    seeds: new Seeds({ values: [], defaultPort: 4002 }, { logger, ownPeerId: SELF, random }),
    attempts: new Attempts({}, { port, resolver, learnedResolver: resolver, now }),
    metrics: createDiscoveryMetrics(createMetrics(), {
      candidates: () => 0,
      dialsInProgress: () => 0,
      knownStations: () => 0,
      addressBookPeers: () => 0,
      seedStates: () => [],
    }),
    propose: () => {},
  })
  const run = () => jobs.candidate(entry, new AbortController().signal)
  return { port, outbound, entry, address, run }
}

describe('a dial that ends where enough are connected', () => {
  it('is hung up on, and is no failure of the peer', async () => {
    const { port, entry, address, run } = setUp()
    port.answer = async (target) => port.reach(PEER, { ...target, addresses: [address] })
    await run()
    assert.deepEqual(port.hungUp, [PEER])
    assert.equal(entry.retry.failures, 0)
    assert.ok(entry.retry.delayMs <= 60_000, `${entry.retry.delayMs} ms`)
  })

  it('leaves a peer connected that dialled this node meanwhile, and does not count it as chosen', async () => {
    const { port, outbound, entry, address, run } = setUp()
    port.answer = async () => {
      port.connect(PEER, { address, direction: 'inbound' })
      return { peerId: PEER, address }
    }
    await run()
    assert.deepEqual(port.hungUp, [])
    assert.deepEqual([outbound.isConnected(PEER), outbound.isChosen(PEER)], [true, false])
    assert.ok(entry.retry.delayMs <= 60_000, `${entry.retry.delayMs} ms`)
  })
})
