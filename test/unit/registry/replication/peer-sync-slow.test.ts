import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import { createEphemeralIdentity } from '../../../../src/identity/index.ts'
import { DeadlineError } from '../../../../src/lib/deadline.ts'
import type { PeerStream } from '../../../../src/network/types.ts'
import { GossipBudget } from '../../../../src/registry/replication/gossip-budget.ts'
import {
  LogReplica,
  type LogReplicaComponents,
} from '../../../../src/registry/replication/log-replica.ts'
import { OrphanPlaces } from '../../../../src/registry/replication/orphans.ts'
import { PeerConduct } from '../../../../src/registry/replication/peer-conduct.ts'
import {
  PeerSync,
  type PeerSyncComponents,
} from '../../../../src/registry/replication/peer-sync.ts'
import type { RegistryDatabase } from '../../../../src/registry/store/database.ts'
import { hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { silentLogger } from '../../../../src/telemetry/index.ts'
import { openInMemory } from '../../../support/databases.ts'
import { forgeEntry } from '../../../support/registry.ts'
import { answerOf } from '../../../support/registry-answer.ts'

const MINUTE_MS = 60_000
const identity = await createEphemeralIdentity()

interface Peer {
  /** How long it takes to tell its heads. */
  readonly headsMs?: number
  /** How long its log takes. @default a minute */
  readonly answerMs?: number
  /** How many entries of its log it sends meanwhile. */
  readonly entries?: number
  /** Whether it ends there as if that were all, or is cut by the deadline. */
  readonly end?: 'whole' | 'deadline' | 'reset'
  /** Something that joins meanwhile. */
  readonly meanwhile?: (database: RegistryDatabase) => Promise<void>
}

/** A station, and a peer whose one head waits for parents, so that its log is asked for. */
async function setUp(t: TestContext, peer: Peer) {
  const { headsMs = 0, answerMs = MINUTE_MS, entries = 0, end = 'deadline' } = peer
  const { meanwhile = async () => {} } = peer
  const database = (await openInMemory(t, identity)).get('nodes')
  const { address } = database
  let nowMs = Date.now()
  const clock = { now: () => nowMs, sleep: () => new Promise<never>(() => {}) }
  const forge = (localId: string, next: string[] = []) =>
    forgeEntry({ identity, address, localId, signed: { next } }).bytes
  const log = Array.from({ length: entries }, (_, i) => forge(`n-${i}`))
  const head = forge('head', [hashOf(Buffer.from('nowhere'))])

  async function* heads() {
    nowMs += headsMs
    yield head
  }
  async function* answer() {
    yield answerOf(address, log)
    await meanwhile(database)
    nowMs += answerMs
    if (end === 'deadline') throw new DeadlineError('a log transfer', MINUTE_MS)
    if (end === 'reset') throw new Error('the stream was reset')
  }
  const offences: string[] = []
  const requests: (number | undefined)[] = []
  const transport = {
    open: async (_: string, protocol: string): Promise<PeerStream> => ({
      peerId: 'peer',
      chunks: protocol.startsWith('/orbitdb/heads') ? heads : answer,
      send: async () => {},
      close: async () => {},
      abort: () => {},
    }),
    isKnown: () => false,
    report: (_: string, offence: string) => offences.push(offence),
    penaltyOf: () => 0,
    publish: async () => {},
  }
  const metrics = { exchange() {}, peerAhead() {}, penalty() {}, gossipLag() {} }
  const conduct = new PeerConduct({ transport, metrics, clock })
  const shared = { transport, metrics, conduct, logger: silentLogger, clock, fetcher: null }
  const replica = new LogReplica({
    ...shared,
    database,
    view: { preview: () => ({ show: () => {}, close: async () => {} }) },
    gossipBudget: new GossipBudget(clock),
    headsJudged: { tryTake: () => true },
    orphanPlaces: new OrphanPlaces(),
    onRejected: () => {},
  } as unknown as LogReplicaComponents)
  const sync = new PeerSync('test', {
    ...shared,
    requestSync: (_peerId: string, _address: string, delayMs?: number) => {
      requests.push(delayMs)
      return true
    },
  } as unknown as PeerSyncComponents)
  conduct.answered('peer')
  await sync.run('peer', replica, AbortSignal.timeout(20_000)).catch(() => {})
  const waitMs = conduct.notBeforeMs('peer') - nowMs
  return { database, offences, requests, rank: conduct.rankOf('peer'), waitMs }
}

/** One entry of the station's own. */
async function writeOwn(database: RegistryDatabase): Promise<void> {
  const payload = { op: 'DEL', key: `${identity.peerId}/own`, value: null } as const
  await database.append(payload)
}

test('what joins from elsewhere meanwhile does not make a peer that brings nothing worth going on with', async (t) => {
  const { database, requests, rank, waitMs } = await setUp(t, { meanwhile: writeOwn })
  assert.equal(database.log.size, 1)
  assert.deepEqual(requests, [2000], 'tried again for what waits, and not gone on with')
  assert.equal(rank, 'stalled')
  assert.ok(waitMs >= 3000, `${waitMs} ms`)
})

for (const end of ['deadline', 'reset', 'whole'] as const) {
  test(`a minute for one entry, which ends with ${end}, puts a peer last and is no offence`, async (t) => {
    const { database, offences, requests, rank, waitMs } = await setUp(t, { entries: 1, end })
    assert.equal(database.log.size, 1)
    assert.equal(rank, 'stalled')
    assert.ok(waitMs >= 5000, `${waitMs} ms`)
    assert.deepEqual(
      offences.filter((one) => one !== 'unresolvable'),
      [],
    )
    if (end !== 'whole') assert.deepEqual(requests, [undefined], 'it goes on all the same')
  })
}

test('a slow line that brings a hundred entries in a minute goes on in its turn', async (t) => {
  const { database, offences, requests, rank, waitMs } = await setUp(t, { entries: 110 })
  assert.equal(database.log.size, 110)
  assert.deepEqual(requests, [undefined])
  assert.equal(rank, 'proven')
  assert.ok(waitMs <= 0, `${waitMs} ms`)
  assert.deepEqual(offences, [])
})

test('a peer that takes long to tell heads that bring nothing goes last', async (t) => {
  const { rank } = await setUp(t, { headsMs: 14_000, answerMs: 0, end: 'whole' })
  const quick = await setUp(t, { headsMs: 0, answerMs: 0, end: 'whole' })
  assert.equal(quick.rank, 'proven')
  assert.equal(rank, 'stalled')
})
