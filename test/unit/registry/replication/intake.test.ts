import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import { createEphemeralIdentity } from '../../../../src/identity/index.ts'
import type { Receipt } from '../../../../src/registry/replication/inbox.ts'
import { Intake } from '../../../../src/registry/replication/intake.ts'
import { Orphans } from '../../../../src/registry/replication/orphans.ts'
import type { RegistryDatabase } from '../../../../src/registry/store/database.ts'
import { hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { openInMemory } from '../../../support/databases.ts'
import { forgeEntry } from '../../../support/registry.ts'

const identity = await createEphemeralIdentity()

async function openNodes(t: TestContext): Promise<RegistryDatabase> {
  const databases = await openInMemory(t, identity)
  return databases.get('nodes')
}

interface Entrance {
  readonly received: Uint8Array[]
  readonly joined: string[]
  receive(bytes: Uint8Array): Promise<Receipt>
  onJoined(joined: readonly { readonly localId: string }[]): Promise<void>
}

function entranceThat(answers: Receipt): Entrance {
  const received: Uint8Array[] = []
  const joined: string[] = []
  return {
    received,
    joined,
    receive: async (bytes) => {
      received.push(bytes)
      return answers
    },
    onJoined: async (entries) => void joined.push(...entries.map(({ localId }) => localId)),
  }
}

function chainOf(database: RegistryDatabase, length: number): Uint8Array[] {
  const chain: Uint8Array[] = []
  for (let i = 0; i < length; i += 1) {
    const before = chain.at(-1)
    const next = before === undefined ? [] : [hashOf(before)]
    const { address } = database
    chain.push(forgeEntry({ identity, address, localId: `i-${i}`, signed: { next } }).bytes)
  }
  return chain
}

test('what arrives while the one before is taken in is taken in together', async (t) => {
  const database = await openNodes(t)
  const batches = t.mock.method(database, 'joinMany')
  const entrance = entranceThat('held')
  const intake = new Intake({ database, orphans: null, ...entrance })
  for (const bytes of chainOf(database, 40)) await intake.put([bytes])
  await intake.drain()
  assert.equal(intake.joined, 40)
  assert.equal(database.log.size, 40)
  assert.deepEqual(
    entrance.joined,
    Array.from({ length: 40 }, (_, i) => `i-${i}`),
  )
  assert.ok(batches.mock.callCount() <= 3, `${batches.mock.callCount()} batches`)
})

test('an entry that lacks its parents goes to be held, and those after it join all the same', async (t) => {
  const database = await openNodes(t)
  const entrance = entranceThat('held')
  const intake = new Intake({ database, orphans: null, ...entrance })
  const [, orphan = new Uint8Array()] = chainOf(database, 2)
  const { bytes } = forgeEntry({ identity, address: database.address, localId: 'whole' })
  for (const item of [orphan, bytes]) await intake.put([item])
  await intake.drain()
  assert.deepEqual(entrance.received, [orphan])
  assert.deepEqual(entrance.joined, ['whole'])
  assert.equal(intake.held, 1)
})

test('an entry that breaks a rule is refused once and ends it; those before it have joined', async (t) => {
  const database = await openNodes(t)
  const entrance = entranceThat('rejected')
  const intake = new Intake({ database, orphans: null, ...entrance })
  const [first, second, third, fourth] = chainOf(database, 4)
  const forged = forgeEntry({ identity, address: database.address, unsigned: { extra: 1 } }).bytes
  for (const bytes of [first, second, forged, third, fourth]) {
    if (bytes !== undefined) await intake.put([bytes])
  }
  await assert.rejects(intake.drain(), /broken log/)
  assert.deepEqual(entrance.received, [forged])
  assert.equal(database.log.size, 2)
  await assert.rejects(intake.put([forged]), /broken log/)
  await intake.stop()
})

test('a sender that is faster than the log waits, and so no more than a page is held', async (t) => {
  const database = await openNodes(t)
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  t.mock.method(database, 'judgeMany', async () => {
    await held
    return []
  })
  const intake = new Intake({ database, orphans: null, ...entranceThat('held') })
  let put = 0
  const sending = (async () => {
    for (let i = 0; i < 1000; i += 1) {
      await intake.put([new Uint8Array(8192)])
      put += 1
    }
  })()
  for (let i = 0; i < 50; i += 1) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(put < 40, `${put} of 8 KiB were taken`)
  release()
  await sending
  await intake.stop()
})

test('a chunk in which no block ends holds up nothing that comes after it', async (t) => {
  const database = await openNodes(t)
  const intake = new Intake({ database, orphans: null, ...entranceThat('held') })
  const [first = new Uint8Array(), second = new Uint8Array()] = chainOf(database, 2)
  for (const blocks of [[], [first], [], [second]]) {
    await intake.put(blocks)
    await intake.drain()
  }
  assert.equal(intake.joined, 2)
})

test('what was not here is told once, whether it joins at once or waits for its parents first', async (t) => {
  const database = await openNodes(t)
  const preview = () => ({ show: () => {}, close: async () => {} })
  const orphans = new Orphans({ preview, onClosed: () => {} })
  const gained = { entries: 0, bytes: 0 }
  const onGained = (entries: number, bytes: number) => {
    gained.entries += entries
    gained.bytes += bytes
  }
  const intake = new Intake({ database, orphans, ...entranceThat('held'), onGained })
  const put = async (blocks: Uint8Array[]) => {
    await intake.put(blocks)
    await intake.drain()
  }
  const chain = chainOf(database, 4)
  const bytes = chain.reduce((sum, { length }) => sum + length, 0)
  await put(chain.slice(2))
  assert.equal(gained.entries, 2)
  await put(chain.slice(0, 2))
  assert.equal(database.log.size, 4)
  assert.deepEqual(gained, { entries: 4, bytes })
  await put(chain)
  assert.deepEqual(gained, { entries: 4, bytes })
})

test('a peer whose orphans are forgotten while its entries join has brought what it brought', async (t) => {
  const database = await openNodes(t)
  const preview = () => ({ show: () => {}, close: async () => {} })
  const orphans = new Orphans({ preview, onClosed: () => {} })
  const gained: number[] = []
  const onGained = (entries: number) => void gained.push(entries)
  const intake = new Intake({ database, orphans, ...entranceThat('held'), onGained })
  const join = database.joinMany.bind(database)
  t.mock.method(database, 'joinMany', async (...entries: Parameters<typeof join>) => {
    const isNew = await join(...entries)
    // It leaves after all that came first has come.
    if (gained.length === 1) await orphans.close()
    return isNew
  })
  const chain = chainOf(database, 40)
  for (const lot of [chain.slice(20), chain.slice(0, 2)]) {
    await intake.put(lot)
    await intake.drain()
  }
  assert.deepEqual(gained, [20, 2])
})
