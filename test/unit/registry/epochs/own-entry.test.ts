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
