import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import {
  type RegionReplication,
  storeReplication,
} from '../../../src/api/domain/store-replication.ts'

const store = (store_id: string, ...store_scope: string[]) => ({
  store_id,
  store_scope,
  guardian_scope: [],
  updated_at: '2026-01-01T00:00:00.000Z',
})

async function regionsOf(stores: Parameters<typeof storeReplication>[0]) {
  const regions: RegionReplication[] = []
  for await (const region of storeReplication(stores)) regions.push(region)
  return regions
}

const counts = async (stores: Parameters<typeof storeReplication>[0]) =>
  (await regionsOf(stores)).map(({ scope_pattern, nodes }) => [scope_pattern, ...nodes])

describe('replication of regions', () => {
  it('counts a store of a whole country for its regions, and not the other way round', async () => {
    const stores = [store('a', 'nz/akl'), store('b', 'nz/*'), store('c', 'nz/wgn', 'au/nsw')]
    assert.deepEqual(await counts(stores), [
      ['au/nsw', 'c'],
      ['nz/*', 'b'],
      ['nz/akl', 'a', 'b'],
      ['nz/wgn', 'b', 'c'],
    ])
  })

  it('counts a store once however often it names a region, in any case', async () => {
    assert.deepEqual(await counts([store('a', 'nz/akl', 'NZ/AKL', 'nz/*')]), [
      ['nz/*', 'a'],
      ['nz/akl', 'a'],
    ])
  })

  it('counts a store of everything everywhere', async () => {
    assert.deepEqual(await counts([store('a', 'nz/akl'), store('all', '*')]), [
      ['*/*', 'all'],
      ['nz/akl', 'a', 'all'],
    ])
  })

  it('passes over scopes that name no place', async () => {
    assert.deepEqual(await counts([store('a', '', '/', 'nz/')]), [])
  })

  it('repeats country and subdivision beside the pattern', async () => {
    assert.deepEqual(await regionsOf([store('a', 'nz/akl')]), [
      { country: 'nz', subdivision: 'akl', scope_pattern: 'nz/akl', node_count: 1, nodes: ['a'] },
    ])
  })

  it('lets others run however many regions and stores strangers made up', async () => {
    const stores = Array.from({ length: 2_000 }, (_, i) =>
      i % 10 === 0 ? store(`s${i}`, '*') : store(`s${i}`, `nz/r${i}`, `nz/q${i}`),
    )
    let turns = 0
    let isOver = false
    const count = () => {
      turns += 1
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    let listed = 0
    for await (const { nodes } of storeReplication(stores)) listed += nodes.length
    isOver = true
    // 3 600 regions, each kept by one store and the 200 of everything; these by themselves.
    assert.equal(listed, 3_600 * 201 + 200)
    // Twice as many looks as that, some thousand in one go.
    assert.ok(turns > 300, `${turns} turns of the event loop`)
  })
})
