import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import { createEphemeralIdentity } from '../../../../src/identity/index.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import type { PeerStream } from '../../../../src/network/types.ts'
import { GossipBudget } from '../../../../src/registry/replication/gossip-budget.ts'
import { exchangeHeads } from '../../../../src/registry/replication/heads-exchange.ts'
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
import { serveLog } from '../../../../src/registry/replication/serve-log.ts'
import type { RegistryDatabase } from '../../../../src/registry/store/database.ts'
import type { JudgedEntry } from '../../../../src/registry/store/entry-rules.ts'
import { silentLogger } from '../../../../src/telemetry/index.ts'
import { openInMemory } from '../../../support/databases.ts'
import { forgeEntry } from '../../../support/registry.ts'
import { createStreamPair } from '../../../support/registry-transport.ts'

const identity = await createEphemeralIdentity()

async function openNodes(t: TestContext): Promise<RegistryDatabase> {
  const databases = await openInMemory(t, identity)
  return databases.get('nodes')
}

/** Valid entries that link to nothing, so that each is a head. */
async function fill(database: RegistryDatabase, from: number, to: number): Promise<void> {
  const { address } = database
  for (let at = from; at < to; at += 500) {
    const count = Math.min(500, to - at)
    const entries = Array.from({ length: count }, (_, i) => {
      const time = 1_780_000_000_000 + at + i
      return forgeEntry({ identity, address, signed: { clock: { id: identity.peerId, time } } })
    })
    const verdicts = await database.judgeMany(entries.map(({ bytes }) => bytes))
    const judged = verdicts.filter((one): one is JudgedEntry & { isAccepted: true } => {
      return one?.isAccepted === true
    })
    assert.equal(judged.length, count)
    await database.joinMany(judged, 'exchange')
  }
}

/** A node with an empty log, and a peer that serves this one. */
async function setUp(t: TestContext, theirs: RegistryDatabase) {
  const database = await openNodes(t)
  const offences: string[] = []
  const requests: (number | undefined)[] = []
  let sent = 0
  const signal = AbortSignal.timeout(120_000)
  const transport = {
    open: async (peerId: string, protocol: string): Promise<PeerStream> => {
      const [ours, end] = createStreamPair('us', peerId)
      const isHeads = protocol.startsWith('/orbitdb/heads')
      const take = async () => 'known' as const
      const answer = isHeads
        ? exchangeHeads(end, theirs, take, signal)
        : serveLog(counted(end), () => theirs, signal)
      answer.catch((error: unknown) => end.abort(error as Error))
      return ours
    },
    report: (_: string, offence: string) => offences.push(offence),
    penaltyOf: () => 0,
    isKnown: () => false,
    publish: async () => {},
  }
  const counted = (stream: PeerStream): PeerStream => ({
    ...stream,
    send: (bytes, signal) => {
      sent += bytes.length
      return stream.send(bytes, signal)
    },
  })
  const metrics = {
    exchange: () => {},
    peerAhead: () => {},
    penalty: () => {},
    gossipLag: () => {},
  }
  const conduct = new PeerConduct({ transport, metrics, clock: systemClock })
  const shared = {
    transport,
    metrics,
    conduct,
    logger: silentLogger,
    clock: systemClock,
    fetcher: null,
  }
  const replica = new LogReplica({
    ...shared,
    database,
    view: { preview: () => ({ show: () => {}, close: async () => {} }) },
    gossipBudget: new GossipBudget(systemClock),
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
  /** @returns bytes of the peer's log that this took */
  const run = async (): Promise<number> => {
    const before = sent
    await sync.run('peer', replica, signal).catch(() => {})
    return sent - before
  }
  return { database, offences, requests, run }
}

test('heads that fill an exchange do not hide the log behind them', async (t) => {
  const theirs = await openNodes(t)
  await fill(theirs, 0, 300)
  const { database, offences, run } = await setUp(t, theirs)
  await run()
  assert.equal(database.log.size, 300)
  const bytes = await run()
  assert.ok(bytes < 1000, `${bytes} bytes for nothing new`)
  await fill(theirs, 300, 301)
  const more = await run()
  assert.equal(database.log.size, 301)
  assert.ok(more < 20_000, `${more} bytes for one entry`)
  assert.deepEqual(offences, [])
})

test('a log of entries that link to nothing, longer than a transfer, comes in several, and nobody is to blame', async (t) => {
  const theirs = await openNodes(t)
  await fill(theirs, 0, 20_900)
  const { database, offences, requests, run } = await setUp(t, theirs)
  await run()
  assert.ok(database.log.size > 18_000 && database.log.size < 20_900, `${database.log.size} first`)
  assert.equal(requests.length, 1)
  const bytes = await run()
  assert.equal(database.log.size, 20_900)
  assert.ok(bytes < 3_000_000, `${bytes} bytes for the rest`)
  await fill(theirs, 20_900, 20_910)
  const more = await run()
  assert.equal(database.log.size, 20_910)
  assert.ok(more < 200_000, `${more} bytes for ten entries`)
  assert.deepEqual(offences, [])
})
