import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { Turns } from '../../../../src/network/guards/turns.ts'

/** Turns whose time passes with the work alone. */
function turnsOf() {
  const clock = { ms: 0 }
  const turns = new Turns(() => clock.ms)
  const order: string[] = []
  const work = async (name: string, ms: number) => {
    const turn = turns.take()
    if (turn !== null) await turn
    clock.ms += ms
    order.push(name)
  }
  return { turns, clock, order, work }
}

test('work goes on at once until the turn has done its share', async () => {
  const { turns, clock } = turnsOf()
  assert.equal(turns.take(), null)
  clock.ms += 4
  assert.equal(turns.take(), null)
  clock.ms += 2
  const wait = turns.take()
  assert.notEqual(wait, null)
  let isOver = false
  wait?.then(() => {
    isOver = true
  })
  await Promise.resolve()
  assert.equal(isOver, false)
  await nextTurn()
  await nextTurn()
  assert.equal(isOver, true)
})

test('those that wait go on in the order of asking, some in each turn', async () => {
  const { order, work } = turnsOf()
  const names = Array.from({ length: 40 }, (_, index) => `peer ${index}`)
  const all = Promise.all(names.map((name) => work(name, 6)))
  assert.deepEqual(order, ['peer 0'])
  await nextTurn()
  await nextTurn()
  assert.ok(order.length < 20, `${order.length} in two turns`)
  await all
  assert.deepEqual(order, names)
})

test('who asks while others wait comes after them, even when the turn has room', async () => {
  const { turns, order, work } = turnsOf()
  const first = work('a', 6)
  let late: Promise<void> | null = null
  const second = turns.take()?.then(() => {
    order.push('b')
    late = work('late', 0)
  })
  const third = work('c', 0)
  await Promise.all([first, second, third])
  await late
  assert.deepEqual(order, ['a', 'b', 'c', 'late'])
})

test('as many go on in a turn as fit into it', async () => {
  const { clock, order, work } = turnsOf()
  const first = work('long', 6)
  const all = Promise.all(Array.from({ length: 40 }, (_, index) => work(`${index}`, 0.5)))
  await first
  const beganAtMs = clock.ms
  await nextTurn()
  assert.ok(order.length >= 10, `${order.length} in a turn`)
  assert.ok(clock.ms - beganAtMs < 7, `${clock.ms - beganAtMs} ms in a turn`)
  await all
})

test('a turn in which nobody worked leaves nothing behind', async () => {
  const { turns, clock } = turnsOf()
  turns.take()
  await nextTurn()
  await nextTurn()
  clock.ms += 1_000_000
  assert.equal(turns.take(), null)
})
