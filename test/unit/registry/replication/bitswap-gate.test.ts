import assert from 'node:assert/strict'
import { test } from 'node:test'

import { hostLimits } from '../../../../src/network/limits.ts'
import { messageLimits } from '../../../../src/registry/replication/bitswap-gate.ts'

const partsAt = (memoryMb: number) => messageLimits(hostLimits(memoryMb).bitswap).parts

test('the parts of a message follow the memory as far as their work stays short', () => {
  assert.deepEqual([256, 1024, 2048, 65_536].map(partsAt), [128, 256, 512, 512])
  assert.equal(messageLimits({}).parts, 512)
})
