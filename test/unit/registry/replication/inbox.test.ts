import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Inbox } from '../../../../src/registry/replication/inbox.ts'
import type { RegistryDatabase } from '../../../../src/registry/store/database.ts'

/** A log whose entries are named by their first byte and whose parents are the other bytes. */
function fakeDatabase() {
  const joined = new Set<string>()
  const failing = new Set<string>()
  const database = {
    judge: (bytes: Uint8Array) => ({ isAccepted: true, entry: { hash: String(bytes[0]) }, bytes }),
    has: (hash: string) => joined.has(hash),
    isPast: (hash: string) => joined.has(hash),
    missingParents: ({ bytes }: { bytes: Uint8Array }) =>
      [...bytes.subarray(1)].map(String).filter((hash) => !joined.has(hash)),
    join: async ({ entry }: { entry: { hash: string } }) => {
      if (failing.has(entry.hash)) throw new Error('the disk is full')
      joined.add(entry.hash)
      return true
    },
  }
  return { joined, failing, database: database as unknown as RegistryDatabase }
}

const entry = (...bytes: number[]) => Uint8Array.from(bytes)

test('held entries of which one cannot be stored are not held for ever', async () => {
  const { database, joined, failing } = fakeDatabase()
  const inbox = new Inbox({ database, onRejected: () => {}, onJoined: () => {} })
  for (const child of [2, 3, 4]) {
    assert.equal(await inbox.receive(entry(child, 1), 'gossip'), 'held')
  }
  assert.equal(await inbox.receive(entry(5, 4), 'gossip'), 'held')
  failing.add('3')
  await assert.rejects(inbox.receive(entry(1), 'exchange'), /the disk is full/)
  assert.deepEqual([...joined].sort(), ['1', '2', '4', '5'])
  assert.equal(inbox.heldCount, 0)
  failing.clear()
  assert.equal(await inbox.receive(entry(3, 1), 'exchange'), 'joined')
})
