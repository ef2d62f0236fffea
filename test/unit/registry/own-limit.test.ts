import assert from 'node:assert/strict'
import { test } from 'node:test'

import { KEYS_PER_AUTHOR } from '../../../src/registry/claims.ts'
import { OwnLog } from '../../../src/registry/own-log.ts'
import type { RegistryDatabase } from '../../../src/registry/store/database.ts'
import type { Databases } from '../../../src/registry/store/databases.ts'
import type { EntryPayload, JudgedEntry } from '../../../src/registry/store/entry-rules.ts'
import { RecordView } from '../../../src/registry/view.ts'
import { WriteTurns } from '../../../src/registry/write-turns.ts'
import { createWriter } from '../../../src/registry/writer.ts'

test('a station writes no more records than others keep of it, and may change those that it has', async () => {
  let time = 1000
  const clock = { now: () => time, sleep: async () => {} }
  const options = { ownPeerId: 'own', ttlMs: 1000 }
  const view = new RecordView(options, { clock, lastSeenMs: () => null })
  const append = async (payload: EntryPayload): Promise<JudgedEntry> => {
    time += 1
    const localId = payload.key.slice(payload.key.indexOf('/') + 1)
    const fixed = {
      id: 'x',
      next: [],
      refs: [],
      v: 2,
      key: 'own',
      identity: 'own',
      sig: '',
    } as const
    const entry = { ...fixed, payload, clock: { id: 'own', time }, hash: `hash ${time}` }
    const judged = { localId, bytes: new Uint8Array(), entry }
    view.apply('nodes', judged)
    return judged
  }
  for (let i = 0; i < KEYS_PER_AUTHOR; i += 1) {
    await append({
      op: 'PUT',
      key: `own/id-${i}`,
      value: { ingester_id: `id-${i}`, updated_at: '' },
    })
  }
  const database = { isOpen: true, append } as unknown as RegistryDatabase
  const databases = { epoch: 0, get: () => database } as unknown as Databases
  const writer = createWriter(options, {
    view,
    trust: { standsAgainstOwn: () => null },
    clock,
    turns: new WriteTurns({ write: () => {} }),
    log: new OwnLog({
      ownPeerId: 'own',
      view,
      clock,
      databases: () => databases,
      publish: () => {},
    }),
  })
  await assert.rejects(writer.put('nodes', 'one-more', {}), {
    code: 'INVALID_RECORD',
    message: /20000 that are kept of a station/,
    facts: { field: 'id' },
  })
  assert.equal((await writer.put('nodes', 'id-7', { node_name: 'new' })).isAppended, true)
  await writer.delete('nodes', 'id-7')
  await assert.rejects(writer.put('nodes', 'one-more', {}), { code: 'INVALID_RECORD' })
  assert.equal((await writer.put('nodes', 'id-7', {})).isAppended, true)
})
