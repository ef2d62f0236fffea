import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { logAddress } from '../../src/registry/snapshot/log-name.ts'
import { databaseName, indexPrefix } from '../../src/registry/store/databases.ts'
import { hashOf } from '../../src/registry/store/entry-codec.ts'
import { MemoryByteStore } from '../support/byte-store.ts'
import { forgeEntry } from '../support/registry.ts'
import { startReplica } from '../support/registry-replica.ts'
import { createMemoryNetwork } from '../support/registry-transport.ts'
import { waitFor } from '../support/wait-for.ts'

const EPOCH = { networkName: 'test', epoch: 1 }
const FLOOD = join(import.meta.dirname, '../support/registry-flood.ts')

test('a log with more in it than the heap has room for is opened again', async () => {
  const flags = ['--max-old-space-size=40', '--max-semi-space-size=2']
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, FLOOD, '5000'])
  assert.equal(Number(stdout), 5000)
})

test('entries that refer to another keep no newcomer out of a log whose bearer was started again', async (t) => {
  const stranger = await createEphemeralIdentity()
  const name = databaseName(EPOCH.networkName, 'nodes', EPOCH.epoch)
  const forge = (localId: string, signed: Readonly<Record<string, unknown>>, filler = '') =>
    forgeEntry({
      identity: stranger,
      address: logAddress(name),
      localId,
      value: {
        ingester_id: localId,
        node_name: filler,
        source: filler,
        updated_at: '2026-01-01T00:00:00.000Z',
      },
      signed,
    }).bytes
  // The one that is referred to is the last by its name, by which a log is read back.
  const tried = Array.from({ length: 200 }, (_, i) => forge(`referred-${i}`, {}))
  const [referred] = tried.sort((a, b) => (hashOf(a) > hashOf(b) ? -1 : 1))
  assert.ok(referred)
  const refs = [hashOf(referred)]
  const filler = 'x'.repeat(3600)
  // More than what a newcomer takes before its turn.
  const large = Array.from({ length: 1300 }, (_, i) => forge(`large-${i}`, { refs }, filler))
  const stores = { blocks: new MemoryByteStore(), logs: new MemoryByteStore() }
  for (const bytes of [referred, ...large]) {
    stores.blocks.values.set(hashOf(bytes), bytes)
    stores.logs.values.set(indexPrefix(name) + hashOf(bytes), Uint8Array.of(1))
  }
  const network = createMemoryNetwork()
  const bearer = await startReplica(t, network, { stores })
  await bearer.put('honest')

  const newcomer = await startReplica(t, network)
  network.connect(newcomer.identity.peerId, bearer.identity.peerId)
  await waitFor(() => newcomer.nodes.log.size === bearer.nodes.log.size, {
    message: 'the newcomer has the whole log',
    timeoutMs: 15_000,
  })
  assert.ok(newcomer.view.get('nodes', 'honest') !== null)
})
