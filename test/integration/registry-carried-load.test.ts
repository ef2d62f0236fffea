import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { CarriedEntries } from '../../src/registry/epochs/carried-entries.ts'
import { carriedId } from '../../src/registry/records/carried.ts'
import { logAddress } from '../../src/registry/snapshot/log-name.ts'
import { BlockStore } from '../../src/registry/store/block-store.ts'
import { databaseName, openDatabases } from '../../src/registry/store/databases.ts'
import { hashOf } from '../../src/registry/store/entry-codec.ts'
import { createCachedVerify } from '../../src/registry/store/identities.ts'
import { MemoryByteStore } from '../support/byte-store.ts'
import { longestBlock } from '../support/event-loop.ts'
import { forgeEntry } from '../support/registry.ts'

const COUNT = 600
const DAY_MS = 86_400_000

test('a log with many carried revocations is opened some at a time: each has a signature to check', async () => {
  const [own, author] = await Promise.all([createEphemeralIdentity(), createEphemeralIdentity()])
  const stores = { blocks: new MemoryByteStore(), logs: new MemoryByteStore() }
  let opened = 0
  const open = () => {
    const carried = new CarriedEntries(
      { networkName: 'test' },
      { verify: createCachedVerify(), isSpeaker: () => false },
    )
    opened = 0
    return openDatabases(
      { networkName: 'test', epoch: 2 },
      {
        identity: own,
        blocks: new BlockStore({ level: stores.blocks, onDamaged: () => {} }),
        logs: stores.logs,
        clock: systemClock,
        onEntry: (database, judged) => {
          if (database === 'trust' && carried.open(judged, 2) !== null) opened += 1
        },
        onLost: () => {},
      },
    )
  }
  const first = await open()
  const trust = first.get('trust')
  const before = logAddress(databaseName('test', 'trust', 1))
  const time = Date.now() - DAY_MS
  const at = new Date(time).toISOString()
  const key = { public_key: Buffer.alloc(32, 1).toString('base64'), added: at, revoked_at: at }
  const entries = Array.from({ length: COUNT }, (_, i) => {
    const value = {
      ingester_id: `i-${i}`,
      versions: { 1: { ...key, status: 'revoked' } },
      updated_at: at,
    }
    const signed = { clock: { id: author.peerId, time } }
    const localId = `i-${i}`
    const entry = forgeEntry({ identity: author, address: before, localId, value, signed }).bytes
    const carrier = { identity: author, address: trust.address, localId: carriedId(hashOf(entry)) }
    return forgeEntry({ ...carrier, value: { epoch: 1, entry } }).bytes
  })
  const verdicts = await trust.judgeMany(entries)
  const accepted = verdicts.filter((verdict) => verdict?.isAccepted === true)
  await trust.joinMany(accepted, 'exchange')
  assert.equal(opened, COUNT)
  await first.close()

  const again = Promise.withResolvers<Awaited<ReturnType<typeof open>>>()
  const blockedMs = await longestBlock(async () => again.resolve(await open()))
  await (await again.promise).close()
  assert.equal(opened, COUNT)
  assert.ok(blockedMs < 50, `${blockedMs} ms`)
})
