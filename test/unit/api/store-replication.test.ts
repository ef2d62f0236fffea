import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { storeReplication } from '../../../src/api/domain/store-replication.ts'

const store = (store_id: string, ...store_scope: string[]) => ({
  store_id,
  store_scope,
  guardian_scope: [],
  updated_at: '2026-01-01T00:00:00.000Z',
})

const counts = (stores: Parameters<typeof storeReplication>[0]) =>
  storeReplication(stores).map(({ scope_pattern, nodes }) => [scope_pattern, ...nodes])

describe('replication of regions', () => {
  it('counts a store of a whole country for its regions, and not the other way round', () => {
    const stores = [store('a', 'nz/akl'), store('b', 'nz/*'), store('c', 'nz/wgn', 'au/nsw')]
    assert.deepEqual(counts(stores), [
      ['au/nsw', 'c'],
      ['nz/*', 'b'],
      ['nz/akl', 'a', 'b'],
      ['nz/wgn', 'b', 'c'],
    ])
  })

  it('counts a store once however often it names a region, in any case', () => {
    assert.deepEqual(counts([store('a', 'nz/akl', 'NZ/AKL', 'nz/*')]), [
      ['nz/*', 'a'],
      ['nz/akl', 'a'],
    ])
  })

  it('counts a store of everything everywhere', () => {
    assert.deepEqual(counts([store('a', 'nz/akl'), store('all', '*')]), [
      ['*/*', 'all'],
      ['nz/akl', 'a', 'all'],
    ])
  })

  it('passes over scopes that name no place', () => {
    assert.deepEqual(counts([store('a', '', '/', 'nz/')]), [])
  })

  it('repeats country and subdivision beside the pattern', () => {
    assert.deepEqual(storeReplication([store('a', 'nz/akl')]), [
      { country: 'nz', subdivision: 'akl', scope_pattern: 'nz/akl', node_count: 1, nodes: ['a'] },
    ])
  })
})
