import assert from 'node:assert/strict'
import { test } from 'node:test'

import { SharedBudget } from '../../../src/lib/shared-budget.ts'

const LIMITS = { strangers: { burst: 4, perSecond: 2 }, known: { burst: 3, perSecond: 1 } }

test('strangers leave the share of known ones alone, who may take what strangers leave', () => {
  let nowMs = 0
  const budget = new SharedBudget(LIMITS, { now: () => nowMs })
  assert.equal(budget.take(9, false), 4)
  assert.equal(budget.take(9, true), 3)
  nowMs += 1000
  assert.equal(budget.take(9, true), 3)
})

test('all of it or nothing is taken, of one share', () => {
  const budget = new SharedBudget(LIMITS, { now: () => 0 })
  assert.equal(budget.tryTake(5, true), false)
  assert.equal(budget.tryTake(3, true), true)
  assert.equal(budget.tryTake(3, true), true)
  assert.equal(budget.tryTake(2, false), false)
  assert.equal(budget.tryTake(1, false), true)
})
