import assert from 'node:assert/strict'
import { test } from 'node:test'

import { backoffMs } from '../../../src/lib/backoff.ts'

const middle = () => 0.5

test('backoff doubles from the minimum and stops at the maximum', () => {
  const delays = [0, 1, 2, 3, 100].map((attempt) =>
    backoffMs({ attempt, minMs: 1000, maxMs: 5000, random: middle }),
  )
  assert.deepEqual(delays, [1000, 2000, 4000, 5000, 5000])
})

test('backoff spreads evenly around its base by the jitter', () => {
  const at = (random: number) =>
    backoffMs({ attempt: 0, minMs: 1000, maxMs: 5000, jitter: 0.25, random: () => random })
  assert.equal(at(0), 750)
  assert.equal(at(1), 1250)
})

test('a negative attempt counts as the first', () => {
  assert.equal(backoffMs({ attempt: -3, minMs: 10, maxMs: 100, random: middle }), 10)
})
