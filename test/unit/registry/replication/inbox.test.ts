import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Inbox } from '../../../../src/registry/replication/inbox.ts'
import type { RegistryDatabase } from '../../../../src/registry/store/database.ts'

/** A log whose entries are named by their first byte and whose parents are the other bytes. */
function fakeDatabase() {
  const joined = new Set<string>()
  const failing = new Set<string>()
  const database = {
    judgeMany: async (batch: Uint8Array[]) =>
      batch.map((bytes) => ({
        isAccepted: true,
        entry: { hash: String(bytes[0]), clock: { time: 1 } },
        bytes,
      })),
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
    assert.equal(await inbox.receive(entry(child, 1), 'gossip', 'A'), 'held')
  }
  assert.equal(await inbox.receive(entry(5, 4), 'gossip', 'A'), 'held')
  failing.add('3')
  await assert.rejects(inbox.receive(entry(1), 'exchange', 'B'), /the disk is full/)
  assert.deepEqual([...joined].sort(), ['1', '2', '4', '5'])
  assert.equal(inbox.heldCount, 0)
  failing.clear()
  assert.equal(await inbox.receive(entry(3, 1), 'exchange', 'B'), 'joined')
})

test('a peer that offers what nobody can resolve pushes out its own entries only', async () => {
  const { database, joined } = fakeDatabase()
  const inbox = new Inbox({ database, onRejected: () => {}, onJoined: () => {} })
  assert.equal(await inbox.receive(entry(1, 2), 'exchange', 'honest'), 'held')
  for (let i = 10; i < 210; i += 1) await inbox.receive(entry(i, 250), 'exchange', 'hostile')
  assert.equal(inbox.heldCount, 65)
  assert.ok(inbox.isHeld('1'))
  await inbox.receive(entry(2), 'exchange', 'honest')
  assert.deepEqual([...joined].sort(), ['1', '2'])
})

test('joining tells the clock of the entry, and how it came', async () => {
  const { database } = fakeDatabase()
  const told: unknown[] = []
  const onJoined = (...args: unknown[]) => told.push(args)
  const inbox = new Inbox({ database, onRejected: () => {}, onJoined })
  await inbox.receive(entry(2, 1), 'gossip', 'A')
  await inbox.receive(entry(1), 'exchange', 'B')
  assert.deepEqual(told, [
    ['1', 'exchange', 1],
    ['2', 'gossip', 1],
  ])
})
