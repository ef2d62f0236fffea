import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import { createEphemeralIdentity } from '../../../../src/identity/index.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import type { PeerStream } from '../../../../src/network/types.ts'
import { GossipBudget } from '../../../../src/registry/replication/gossip-budget.ts'
import {
  LogReplica,
  type LogReplicaComponents,
} from '../../../../src/registry/replication/log-replica.ts'
import { OrphanPlaces } from '../../../../src/registry/replication/orphans.ts'
import { hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { silentLogger } from '../../../../src/telemetry/index.ts'
import { openInMemory } from '../../../support/databases.ts'
import { forgeEntry } from '../../../support/registry.ts'
import { createStreamPair } from '../../../support/registry-transport.ts'

const identity = await createEphemeralIdentity()
const signal = AbortSignal.timeout(20_000)

async function setUp(t: TestContext) {
  const databases = await openInMemory(t, identity)
  const database = databases.get('nodes')
  const offences: string[] = []
  const synced: string[] = []
  const judging = { isRoom: true }
  let answer = async (_: PeerStream): Promise<void> => {}
  const replica = new LogReplica({
    database,
    transport: {
      isKnown: () => false,
      subscribers: () => [],
      publish: async () => {},
      handle: async (_: string, handler: typeof answer) => {
        answer = handler
      },
    },
    metrics: { exchange: () => {}, gossipSkipped: () => {} },
    headsAnswered: { take: () => 'ok' },
    headsJudged: { tryTake: () => judging.isRoom },
    requestSync: (peerId: string) => synced.push(`asks ${peerId}`),
    noteSynced: (peerId: string) => synced.push(`heard ${peerId}`),
    stopping: () => signal,
    view: { preview: () => ({ show: () => {}, close: async () => {} }) },
    logger: silentLogger,
    clock: systemClock,
    gossipBudget: new GossipBudget(systemClock),
    orphanPlaces: new OrphanPlaces(),
    conduct: { offend: (peerId: string, offence: string) => offences.push(`${peerId} ${offence}`) },
  } as unknown as LogReplicaComponents)
  await replica.heads.start()
  /** Resolves when the peer has told these heads in an exchange that it began. */
  const tell = async (peerId: string, heads: readonly Uint8Array[]) => {
    const [ours, theirs] = createStreamPair(peerId, 'us')
    const answered = answer(theirs)
    for (const head of heads) await ours.send(head, signal)
    await ours.close(signal)
    await answered
  }
  return { replica, database, offences, synced, judging, tell }
}

test('a peer whose entries came to join on another way did nothing wrong, one whose parents nobody has did', async (t) => {
  const { replica, database, offences } = await setUp(t)
  const { address } = database
  const parent = forgeEntry({ identity, address, localId: 'parent' }).bytes
  const next = [hashOf(parent)]
  const child = forgeEntry({ identity, address, localId: 'child', signed: { next } }).bytes
  const [first, second] = [database.judge(parent), database.judge(child)]
  assert.ok(first.isAccepted && second.isAccepted)

  replica.orphans.tryOpen('A')
  replica.orphans.of('A')?.add(second, hashOf(parent))
  replica.noteLogReceived('A', [])
  assert.deepEqual(offences, ['A unresolvable'])
  await database.joinMany([first, second], 'gossip')
  replica.noteLogReceived('A', [])
  assert.equal(offences.length, 1)
  assert.equal(
    replica.orphans.of('A')?.size,
    1,
    'it waits for an entry that need not be sent again',
  )
})

test('while entries are missing here they may be the reason why others wait', async (t) => {
  const { replica, database, offences } = await setUp(t)
  const { address } = database
  const lost = hashOf(Buffer.from('lost'))
  const head = forgeEntry({ identity, address, localId: 'head', signed: { next: [lost] } }).bytes
  const judged = database.judge(head)
  assert.ok(judged.isAccepted)
  database.log.add(hashOf(head), [lost])
  assert.equal(replica.isIncomplete, true)
  const next = [hashOf(Buffer.from('parent'))]
  const child = database.judge(
    forgeEntry({ identity, address, localId: 'child', signed: { next } }).bytes,
  )
  assert.ok(child.isAccepted)
  replica.orphans.tryOpen('A')
  replica.orphans.of('A')?.add(child, next[0] ?? '')
  replica.noteLogReceived('A', [])
  assert.deepEqual(offences, [])
})

test('a peer whose heads were skipped for too many came of late is asked for its log', async (t) => {
  const { database, synced, judging, tell } = await setUp(t)
  const { address } = database
  const entryOf = (localId: string) => forgeEntry({ identity, address, localId }).bytes
  await tell('A', [entryOf('one')])
  assert.deepEqual(synced, ['heard A'])
  judging.isRoom = false
  await tell('B', [entryOf('one'), entryOf('two')])
  assert.deepEqual(synced, ['heard A', 'asks B'])
})

test('a peer that comes with heads of which none waits gives back the place of what it sent early', async (t) => {
  const { replica, database, tell } = await setUp(t)
  t.after(() => replica.orphans.stop())
  for (const peer of ['A', 'B']) assert.equal(replica.orphans.tryOpen(peer), true)
  const next = [hashOf(Buffer.from('nowhere'))]
  const { address } = database
  const waiting = forgeEntry({ identity, address, localId: 'head', signed: { next } }).bytes
  await tell('A', [])
  assert.equal(replica.orphans.of('A'), null)
  assert.equal(replica.orphans.tryOpen('C'), true)
  await tell('B', [waiting])
  assert.notEqual(replica.orphans.of('B'), null, 'another transfer of its log follows')
})

test('stations with the same many heads do not ask each other again and again', async (t) => {
  const { database, synced, tell } = await setUp(t)
  const { address } = database
  const heads = Array.from(
    { length: 64 },
    (_, i) => forgeEntry({ identity, address, localId: `n-${i}` }).bytes,
  )
  await tell('A', heads)
  assert.equal(database.log.size, 64)
  await tell('A', heads)
  assert.deepEqual(synced, [])
})
