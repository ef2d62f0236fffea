import assert from 'node:assert/strict'
import { test } from 'node:test'

import { runSoak } from '../support/soak/run.ts'

test('a bootstrap outlives churn, enemies, partitions and restarts, and stays as small and quick as it was', async (t) => {
  const { code, output } = await runSoak(t, ['--minutes', '3'])
  for (const line of output.trimEnd().split('\n')) t.diagnostic(line)
  assert.equal(code, 0, output)
})
