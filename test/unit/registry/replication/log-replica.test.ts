import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import { createEphemeralIdentity } from '../../../../src/identity/index.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
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

const identity = await createEphemeralIdentity()

async function setUp(t: TestContext) {
  const databases = await openInMemory(t, identity)
  const database = databases.get('nodes')
  const offences: string[] = []
  const replica = new LogReplica({
    database,
    transport: {},
    view: { preview: () => ({ show: () => {}, close: async () => {} }) },
    logger: silentLogger,
    clock: systemClock,
    gossipBudget: new GossipBudget(systemClock),
    orphanPlaces: new OrphanPlaces(),
    conduct: { offend: (peerId: string, offence: string) => offences.push(`${peerId} ${offence}`) },
  } as unknown as LogReplicaComponents)
  return { replica, database, offences }
}

test('a peer whose entries came to join on another way did nothing wrong, one whose parents nobody has did', async (t) => {
  const { replica, database, offences } = await setUp(t)
  const { address } = database
  const parent = forgeEntry({ identity, address, localId: 'parent' }).bytes
  const next = [hashOf(parent)]
  const child = forgeEntry({ identity, address, localId: 'child', signed: { next } }).bytes
  const [first, second] = [database.judge(parent), database.judge(child)]
  assert.ok(first.isAccepted && second.isAccepted)

  replica.openOrphans('A')?.add(second, hashOf(parent))
  replica.noteLogReceived('A', [])
  assert.deepEqual(offences, ['A unresolvable'])
  await database.joinMany([first, second], 'gossip')
  replica.noteLogReceived('A', [])
  assert.equal(offences.length, 1)
  assert.equal(replica.orphansOf('A')?.size, 1, 'it waits for an entry that need not be sent again')
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
  replica.openOrphans('A')?.add(child, next[0] ?? '')
  replica.noteLogReceived('A', [])
  assert.deepEqual(offences, [])
})
