import assert from 'node:assert/strict'
import { test } from 'node:test'

import { GossipBudget, IN_ALL } from '../../../../src/registry/replication/gossip-budget.ts'
import { PeerBudgets } from '../../../../src/registry/replication/peer-budgets.ts'

function makeClock() {
  let nowMs = 0
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { now: () => nowMs, pass }
}

test('beyond its budget a peer waits, and beyond what is tolerated it floods', () => {
  const clock = makeClock()
  const tolerated = { burst: 3, perSecond: 1 }
  const budgets = new PeerBudgets({ burst: 2, perSecond: 1, tolerated }, clock)
  const taken = () => Array.from({ length: 6 }, () => budgets.take('A'))
  assert.deepEqual(taken(), ['ok', 'ok', 'wait', 'wait', 'wait', 'flood'])
  assert.equal(budgets.take('B'), 'ok', 'another peer has a budget of its own')
  clock.pass(1000)
  assert.deepEqual(taken().slice(0, 3), ['ok', 'wait', 'flood'])
})

test('others that come meanwhile give nobody anything back, and a peer that waited for long begins anew', () => {
  const clock = makeClock()
  const tolerated = { burst: 3, perSecond: 0.001 }
  const budgets = new PeerBudgets({ burst: 2, perSecond: 1, tolerated }, clock)
  for (let i = 0; i < 5; i += 1) budgets.take('A')
  // Its budget is full by then, what was tolerated is not.
  clock.pass(5000)
  for (let i = 0; i < 50; i += 1) budgets.take(`other ${i}`)
  const taken = () => Array.from({ length: 3 }, () => budgets.take('A'))
  assert.deepEqual(taken(), ['ok', 'ok', 'flood'])
  clock.pass(5_000_000)
  for (let i = 0; i < 50; i += 1) budgets.take(`later ${i}`)
  assert.deepEqual(taken(), ['ok', 'ok', 'wait'])
})

/** Whether a new entry of this peer is judged. */
function isTaken(budget: GossipBudget, peerId: string): boolean {
  return budget.take(peerId) === 'ok' && budget.tryTakeNew(peerId)
}

test('one peer cannot use up what there is for all', () => {
  const budget = new GossipBudget(makeClock())
  for (let i = 0; i < 4000; i += 1) isTaken(budget, 'loud')
  assert.ok(isTaken(budget, 'quiet'))
})

test('strangers leave known stations a part of their own, and known stations take what strangers leave', () => {
  const clock = makeClock()
  const budget = new GossipBudget(clock, (peerId) => peerId.startsWith('known'))
  const count = (name: string) => {
    let taken = 0
    for (let i = 0; i < 2000; i += 1) taken += Number(budget.tryTakeNew(`${name} ${i}`))
    return taken
  }
  assert.equal(count('stranger'), IN_ALL.strangers.burst)
  assert.equal(count('known'), IN_ALL.known.burst)
  clock.pass(1000)
  assert.equal(count('known'), IN_ALL.strangers.perSecond + IN_ALL.known.perSecond)
  assert.equal(count('stranger'), 0)
})

test('after a burst 50 messages a second of one peer are taken, 100 new entries of strangers and 200 of all', () => {
  const clock = makeClock()
  const budget = new GossipBudget(clock, (peerId) => peerId.startsWith('known'))
  const taken = (name: string, peers: number) => {
    let count = 0
    for (let i = 0; i < 600; i += 1) {
      for (let peer = 0; peer < peers; peer += 1) {
        if (isTaken(budget, `${name}-${peer}`)) count += 1
      }
    }
    return count
  }
  assert.equal(taken('stranger', 1), 512)
  clock.pass(1000)
  assert.equal(taken('stranger', 1), 50)
  taken('stranger', 10)
  taken('known', 10)
  clock.pass(1000)
  assert.equal(taken('stranger', 10), 100)
  assert.equal(taken('known', 10), 100)
  clock.pass(1000)
  assert.equal(taken('known', 10), 200)
})

test('what honest peers send at most is never a flood', () => {
  const clock = makeClock()
  const sender = new GossipBudget(clock, () => true)
  const receiver = new GossipBudget(clock)
  // The sender hears far more than it may pass on, and writes as much as it can.
  let sent = 0
  for (let step = 0; step < 6000; step += 1) {
    clock.pass(100)
    for (let i = 0; i < 60; i += 1) {
      const isPassedOn = isTaken(sender, `known-${i}`)
      const isOwn = sender.tryPublish()
      for (let count = Number(isPassedOn) + Number(isOwn); count > 0; count -= 1) {
        sent += 1
        assert.notEqual(receiver.take('sender'), 'flood', `after ${sent} messages`)
      }
    }
  }
  assert.ok(sent > 100_000)
})
