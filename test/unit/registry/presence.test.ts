import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Presence } from '../../../src/registry/presence.ts'
import { MemoryByteStore } from '../../support/byte-store.ts'

const clock = { now: () => 1000, sleep: neverOver }

function neverOver(_: number, signal?: AbortSignal): Promise<void> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason))
  })
}

function newPresence(peersLimit = 100) {
  const store = new MemoryByteStore()
  const options = { ttlMs: 500, flushIntervalMs: 3_600_000, peersLimit }
  const presence = new Presence(options, { clock, onError: () => {} })
  return { store, presence }
}

test('what a failing disk did not take is saved when it takes writes again', async () => {
  const { store, presence } = newPresence()
  await presence.start(store)
  presence.markSeen('A')
  store.beforeWrite = () => {
    throw new Error('the disk is full')
  }
  await assert.rejects(presence.stop(), /the disk is full/)
  store.beforeWrite = () => {}
  await presence.start(store)
  await presence.stop()
  assert.deepEqual([...store.values.keys()], ['seen/A'])
})

test('peers beyond the bound are forgotten on disk too', async () => {
  const { store, presence } = newPresence(3)
  await presence.start(store)
  for (const peer of ['A', 'B', 'C']) presence.markSeen(peer)
  await presence.stop()
  await presence.start(store)
  for (const peer of ['D', 'E', 'B']) presence.markSeen(peer)
  await presence.stop()
  assert.deepEqual([...store.values.keys()].sort(), ['seen/B', 'seen/D', 'seen/E'])
  assert.equal(presence.lastSeenMs('A'), null)
})

test('what is older than the time to live is deleted at start', async () => {
  const { store, presence } = newPresence()
  store.values.set('seen/old', Buffer.from('499'))
  store.values.set('seen/odd', Buffer.from('soon'))
  store.values.set('seen/new', Buffer.from('500'))
  await presence.start(store)
  await presence.stop()
  assert.deepEqual([...store.values.keys()], ['seen/new'])
  assert.equal(presence.lastSeenMs('new'), 500)
})

test('a disk that takes no writes at the start is no reason not to start', async () => {
  const { store, presence } = newPresence()
  store.values.set('seen/old', Buffer.from('1'))
  store.values.set('seen/new', Buffer.from('900'))
  store.beforeWrite = () => {
    throw new Error('the disk is full')
  }
  await presence.start(store)
  assert.deepEqual([presence.lastSeenMs('new'), presence.lastSeenMs('old')], [900, null])
  await presence.stop()
})
