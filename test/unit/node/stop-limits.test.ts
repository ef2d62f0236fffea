import assert from 'node:assert/strict'
import { test } from 'node:test'

import { STOP_LIMITS_MS } from '../../../src/node/stop-limits.ts'

test('parts that all take as long as they may are stopped before the process is ended at 10 s', () => {
  const allMs = Object.values(STOP_LIMITS_MS).reduce((sum, ms) => sum + ms, 0)
  assert.ok(allMs < 10_000, `${allMs} ms`)
})
