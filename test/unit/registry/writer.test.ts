import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createRegistryMetrics } from '../../../src/registry/metrics.ts'
import { OwnLog } from '../../../src/registry/own-log.ts'
import type { RegistryDatabase } from '../../../src/registry/store/database.ts'
import type { Databases } from '../../../src/registry/store/databases.ts'
import { RecordView } from '../../../src/registry/view.ts'
import { WriteTurns } from '../../../src/registry/write-turns.ts'
import { createWriter } from '../../../src/registry/writer.ts'
import { createMetrics } from '../../../src/telemetry/index.ts'

const clock = { now: () => 1000, sleep: async () => {} }

test('writes beyond 256 that wait for a disk that hangs are refused', {
  timeout: 10_000,
}, async () => {
  let fail: (reason: Error) => void = () => {}
  const hanging = new Promise<never>((_, reject) => {
    fail = reject
  })
  const database = { isOpen: true, append: () => hanging } as unknown as RegistryDatabase
  const databases = { epoch: 0, get: () => database } as unknown as Databases
  const options = { ownPeerId: 'own', ttlMs: 1000 }
  const view = new RecordView(options, { clock, lastSeenMs: () => null })
  const metrics = createRegistryMetrics(createMetrics(), {
    status: () => [],
    diskBytes: () => null,
    admission: () => 'all',
  })
  const writer = createWriter(options, {
    view,
    trust: { standsAgainstOwn: () => null },
    clock,
    turns: new WriteTurns(metrics),
    log: new OwnLog({
      ownPeerId: 'own',
      view,
      clock,
      databases: () => databases,
      publish: () => {},
    }),
  })
  const outcomes: string[] = []
  const puts = Array.from({ length: 300 }, (_, i) =>
    writer.put('nodes', `i-${i}`, {}).catch((error) => {
      outcomes.push(error.code ?? error.message)
    }),
  )
  await assert.rejects(writer.put('nodes', 'one-more', {}), { code: 'BUSY' })
  await assert.rejects(writer.put('stores', 's', { store_scope: 7 }), { code: 'INVALID_RECORD' })
  assert.deepEqual(new Set(outcomes), new Set(['BUSY']))
  assert.equal(outcomes.length, 44)
  fail(new Error('the disk gave up'))
  await Promise.all(puts)
  assert.equal(outcomes.filter((outcome) => outcome === 'the disk gave up').length, 256)
  await assert.rejects(writer.put('nodes', 'later', {}), /the disk gave up/)
})
