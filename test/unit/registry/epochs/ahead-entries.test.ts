import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createEphemeralIdentity, type Identity } from '../../../../src/identity/index.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { AheadEntries } from '../../../../src/registry/epochs/ahead-entries.ts'
import type { Restatement } from '../../../../src/registry/epochs/epoch-writer.ts'
import { signEntry } from '../../../../src/registry/epochs/own-entry.ts'
import { BlockStore } from '../../../../src/registry/store/block-store.ts'
import { openDatabases } from '../../../../src/registry/store/databases.ts'
import { silentLogger } from '../../../../src/telemetry/index.ts'
import { MemoryByteStore } from '../../../support/byte-store.ts'

const EPOCH = 1
const HOUR_MS = 3_600_000
const signal = new AbortController().signal
const identity = await createEphemeralIdentity()

const payload = (author: Identity, localId: string) =>
  ({
    op: 'PUT',
    key: `${author.peerId}/${localId}`,
    value: { ingester_id: localId, node_name: localId, updated_at: '2026-01-01T00:00:00.000Z' },
  }) as const

test('what of ours is ahead is taken out with what follows it, the rest stays, and each is written again once', async () => {
  const [blocksLevel, logs] = [new MemoryByteStore(), new MemoryByteStore()]
  const blocks = new BlockStore({ level: blocksLevel, onDamaged: () => {} })
  let aheadMs = 0
  const clock = { ...systemClock, now: () => Date.now() + aheadMs }
  const open = () =>
    openDatabases(
      { networkName: 'test', epoch: EPOCH },
      { identity, blocks, logs, clock, onEntry: () => {}, onLost: () => {} },
    )
  const databases = await open()
  const nodes = databases.get('nodes')
  await nodes.append(payload(identity, 'before'))
  aheadMs = 2 * HOUR_MS
  await nodes.append(payload(identity, 'ahead'))
  await nodes.append(payload(identity, 'ahead'))
  // One with the clock of its first put, linked to those.
  const anchor = signEntry(identity, nodes, payload(identity, 'anchored'), Date.now() - HOUR_MS)
  await nodes.join(anchor, 'local')
  aheadMs = 0
  await databases.close()

  const written: string[] = []
  let isFull = true
  const restate = async (_: string, localId: string, { value }: Restatement) => {
    if (isFull) throw new Error('the disk takes no writes')
    assert.ok(value !== null)
    written.push(localId)
    return true
  }
  const ahead = new AheadEntries(
    { networkName: 'test', ownPeerId: identity.peerId },
    { logs, blocks, writer: { restate }, clock, logger: silentLogger },
  )
  assert.equal(await ahead.takeOut(EPOCH, Date.now()), 3)
  assert.equal(await ahead.takeOut(EPOCH, Date.now()), 0)
  await assert.rejects(ahead.restate(signal), /takes no writes/)
  isFull = false
  await ahead.restate(signal)
  await ahead.restate(signal)
  assert.deepEqual(written.sort(), ['ahead', 'anchored'])

  const again = await open()
  assert.equal(again.get('nodes').log.size, 1)
  assert.deepEqual(again.get('nodes').log.missing(1), [], 'nothing that is left links to them')
  await again.close()
})
