import assert from 'node:assert/strict'
import { test } from 'node:test'

import { NodeFeed } from '../../../src/registry/node-feed.ts'
import type { NodeRecord, RegistryRecord } from '../../../src/registry/types.ts'

const record = (author: string, localId: string, announce_address: string | string[]) =>
  ({ author, localId, value: { announce_address } }) as unknown as RegistryRecord<NodeRecord>

const feed = new NodeFeed({ ownPeerId: 'own', onListenerFailed: () => {} })

test('a station is announced by the record it wrote about itself and by no other', () => {
  assert.deepEqual(feed.toAnnounced(record('peer', 'peer', 'a.example')), {
    peerId: 'peer',
    addresses: ['a.example'],
  })
  assert.equal(feed.toAnnounced(record('peer', 'ingester-1', 'victim.example')), null)
  assert.equal(feed.toAnnounced(record('peer', 'other-peer', 'victim.example')), null)
  assert.equal(feed.toAnnounced(record('own', 'own', 'a.example')), null)
  assert.equal(feed.toAnnounced(record('peer', 'peer', '')), null)
})

test('a record that names hundreds of addresses is announced with its first 16', () => {
  const many = Array.from({ length: 400 }, (_, i) => `h${i}.example`)
  for (const announced of [many, many.join(',')]) {
    const node = feed.toAnnounced(record('peer', 'peer', announced))
    assert.deepEqual(node?.addresses, many.slice(0, 16))
  }
})
