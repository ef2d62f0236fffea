import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  isErasing,
  markErasing,
  storedEpochs,
  unmarkErasing,
} from '../../../../src/registry/epochs/stored-epochs.ts'
import { databaseName, indexPrefix } from '../../../../src/registry/store/databases.ts'
import type { DatabaseName } from '../../../../src/registry/types.ts'
import { MemoryByteStore } from '../../../support/byte-store.ts'

function storeWith(...logs: readonly [DatabaseName, number, network?: string][]): MemoryByteStore {
  const store = new MemoryByteStore()
  for (const [name, epoch, network = 'net'] of logs) {
    for (const hash of ['zdpuA', 'zdpuB', 'zdpuC']) {
      store.values.set(indexPrefix(databaseName(network, name, epoch)) + hash, Uint8Array.of(1))
    }
  }
  return store
}

test('every epoch that any log of the network has is found, and no other', async () => {
  const store = storeWith(['nodes', 1], ['nodes', 10], ['nodes', 9], ['trust', 2], ['stores', 100])
  assert.deepEqual(await storedEpochs(store, 'net'), [1, 2, 9, 10, 100])
  assert.deepEqual(await storedEpochs(storeWith(['nodes', 3, 'other']), 'net'), [])
  assert.deepEqual(await storedEpochs(new MemoryByteStore(), 'net'), [])
})

test('what is no epoch of ours is left out', async () => {
  const store = storeWith(['nodes', 5])
  store.values.set('index/net.nodes.v1.e5x/zdpuA', Uint8Array.of(1))
  store.values.set('index/net.nodes.v1.e99999999999/zdpuA', Uint8Array.of(1))
  store.values.set('seen/peer', Uint8Array.of(1))
  assert.deepEqual(await storedEpochs(store, 'net'), [5])
})

test('a deletion that was begun is known until it has ended', async () => {
  const store = storeWith(['nodes', 5])
  assert.equal(await isErasing(store, 'net', 5), false)
  await markErasing(store, 'net', 5)
  assert.equal(await isErasing(store, 'net', 5), true)
  assert.equal(await isErasing(store, 'net', 6), false)
  await unmarkErasing(store, 'net', 5)
  assert.equal(await isErasing(store, 'net', 5), false)
})

test('an epoch whose last entry is deleted is found until its deletion has ended', async () => {
  const store = storeWith(['nodes', 5])
  await markErasing(store, 'net', 3)
  await markErasing(store, 'other', 4)
  assert.deepEqual(await storedEpochs(store, 'net'), [3, 5])
})
