import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import { OrphanPlaces } from '../../../../src/registry/replication/orphans.ts'
import { PeerOrphans } from '../../../../src/registry/replication/peer-orphans.ts'
import { MovingClock } from '../../../support/moving-clock.ts'
import { waitFor } from '../../../support/wait-for.ts'

/** Two logs that share their places. */
function createLogs(t: TestContext) {
  const places = new OrphanPlaces()
  const clock = new MovingClock(Date.now())
  const preview = () => ({ show: () => {}, close: async () => {} })
  const [nodes, trust] = ['nodes', 'trust'].map(() => {
    const orphans = new PeerOrphans({ places, clock, preview })
    t.after(() => orphans.stop())
    return orphans
  })
  assert.ok(nodes !== undefined && trust !== undefined)
  return { clock, nodes, trust }
}

test('of all logs two peers have some at a time, and a place is free when its peer’s are closed', async (t) => {
  const { nodes, trust } = createLogs(t)
  assert.equal(nodes.tryOpen('A'), true)
  assert.equal(nodes.tryOpen('A'), false, 'it has some')
  assert.equal(trust.tryOpen('B'), true)
  assert.equal(trust.tryOpen('C'), false)
  assert.equal(trust.of('C'), null)
  assert.equal(trust.goOn('C'), null)
  assert.equal(nodes.goOn('A'), nodes.of('A'))
  await nodes.close('A')
  await nodes.close('A')
  assert.equal(nodes.of('A'), null)
  assert.equal(trust.tryOpen('C'), true)
  assert.equal(nodes.tryOpen('D'), false, 'it was free once')
})

test('they are kept while transfers go on, and no longer than two minutes from one to the next', async (t) => {
  const { clock, nodes, trust } = createLogs(t)
  for (const peer of ['A', 'B']) nodes.tryOpen(peer)
  clock.advance(110_000)
  assert.notEqual(nodes.goOn('A'), null)
  clock.advance(20_000)
  await waitFor(() => nodes.of('B') === null, { message: 'the end of those of B' })
  assert.notEqual(nodes.of('A'), null)
  assert.equal(trust.tryOpen('C'), true)
  clock.advance(110_000)
  await waitFor(() => nodes.of('A') === null, { message: 'the end of those of A' })
})

test('a log that is left gives back its places and takes no other', async (t) => {
  const { nodes, trust } = createLogs(t)
  for (const peer of ['A', 'B']) nodes.tryOpen(peer)
  await nodes.stop()
  assert.equal(nodes.tryOpen('A'), false)
  for (const peer of ['A', 'B']) assert.equal(trust.tryOpen(peer), true)
})
