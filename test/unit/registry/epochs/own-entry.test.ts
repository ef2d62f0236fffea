import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createEphemeralIdentity } from '../../../../src/identity/index.ts'
import { signEntry } from '../../../../src/registry/epochs/own-entry.ts'
import { openInMemory } from '../../../support/databases.ts'
import { forgeEntry } from '../../../support/registry.ts'

const identity = await createEphemeralIdentity()

test('an entry of ours with an earlier clock is made also where there is no room for those of others', async (t) => {
  const databases = await openInMemory(t, identity, {
    room: { acceptsRemote: false, noteStored: () => {} },
  })
  const database = databases.get('nodes')
  const value = { ingester_id: 'i', node_name: 'n', updated_at: '2026-01-01T00:00:00.000Z' }
  const key = `${identity.peerId}/i`
  const judged = signEntry(identity, database, { op: 'PUT', key, value }, 1000)
  assert.equal(await database.join(judged, 'local'), true)
  assert.equal(judged.entry.clock.time, 1000)
  const stranger = await createEphemeralIdentity()
  const { bytes } = forgeEntry({ identity: stranger, address: database.address })
  const verdict = database.judge(bytes)
  assert.equal(!verdict.isAccepted && verdict.reason, 'no-room')
  assert.throws(() => signEntry(identity, database, { op: 'PUT', key: 'x/i', value }, 1000), {
    code: 'INVALID_RECORD',
  })
})

test('whatever fitted before fits with an earlier clock too, with fewer links where it has to', async (t) => {
  const databases = await openInMemory(t, identity)
  const database = databases.get('nodes')
  const payloadOf = (bytes: number) => {
    const texts = { source: 'x'.repeat(4000), version: 'x'.repeat(bytes) }
    const value = { ingester_id: 'i', ...texts, updated_at: '2026-01-01T00:00:00.000Z' }
    return { op: 'PUT', key: `${identity.peerId}/i`, value } as const
  }
  const longest = async () => {
    for (let bytes = 3650; ; bytes -= 1) {
      try {
        await database.append(payloadOf(bytes))
        return payloadOf(bytes)
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'TOO_LARGE')
      }
    }
  }
  const asFirst = await longest()
  for (let i = 0; i < 2; i += 1) {
    const stranger = await createEphemeralIdentity()
    const verdict = database.judge(
      forgeEntry({ identity: stranger, address: database.address }).bytes,
    )
    assert.ok(verdict.isAccepted)
    await database.join(verdict, 'gossip')
  }
  const asLater = await longest()
  assert.ok(database.log.headCount > 1)
  const linksOf = (payload: typeof asFirst) =>
    signEntry(identity, database, payload, 1000).entry.next.length
  assert.deepEqual([asFirst, asLater].map(linksOf), [0, 1])
  assert.equal(linksOf(payloadOf(1)), 2)
})
