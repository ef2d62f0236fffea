import assert from 'node:assert/strict'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'

import { dataFolder, makeStation, startStation } from '../support/node.ts'
import { waitFor } from '../support/wait-for.ts'

describe('a data folder', { timeout: 60_000 }, () => {
  it('keeps peer ID and records over a restart, and its own registration is not written twice', async (t) => {
    const env = { ANNOUNCE_ADDRESS: '127.0.0.1:4999' }
    const first = await startStation(t, { env })
    const put = { method: 'PUT', body: { regions: ['nz'], node_name: 'Kea' } }
    assert.equal((await first.call('/nodes/ingester-1', put)).status, 200)
    await waitFor(() => first.node.registry.view.get('nodes', first.peerId), {
      message: 'the own record',
    })
    const before = await first.call('/nodes')
    await first.node.stop()

    const restarted = performance.now()
    const second = await startStation(t, { env, dataDir: first.dataDir })
    t.diagnostic(`started again in ${Math.round(performance.now() - restarted)} ms`)
    assert.equal(second.peerId, first.peerId)
    const isLookedAt = 'wesense_registry_writes_total{database="nodes",outcome="ok"}'
    await waitFor(async () => (await second.metrics()).get(isLookedAt), {
      message: 'the registration has looked at its record',
    })
    assert.deepEqual((await second.call('/nodes')).json, before.json)
    assert.equal(second.node.registry.status()[0]?.entriesJoined, 0)
    await second.node.stop()
  })

  it('keeps peer ID and records when it is copied, and both go their own ways', async (t) => {
    const original = await startStation(t)
    await original.node.registry.writer.put('nodes', 'before', {})
    await original.node.stop()
    const { path, beforeRemoval } = await dataFolder(t)
    await cp(original.dataDir, path, { recursive: true })

    const copy = await startStation(t, { dataDir: path })
    beforeRemoval(() => copy.node.stop())
    assert.equal(copy.peerId, original.peerId)
    assert.ok(copy.node.registry.view.get('nodes', 'before'))
    await copy.node.registry.writer.put('nodes', 'after', {})
    await original.node.start()
    assert.equal(original.node.registry.view.get('nodes', 'after'), null)
  })

  it('without its key is refused, and nothing in it is opened or changed', async (t) => {
    const station = await startStation(t)
    await station.node.stop()
    const key = join(station.dataDir, 'identity', 'peer.key')
    const bytes = await readFile(key)
    await rm(key)
    await assert.rejects(makeStation(t, { dataDir: station.dataDir }), { code: 'KEY_MISSING' })
    await writeFile(key, bytes.subarray(0, 20))
    await assert.rejects(makeStation(t, { dataDir: station.dataDir }), { code: 'KEY_UNREADABLE' })
    assert.deepEqual(await readFile(key), bytes.subarray(0, 20))
    await writeFile(key, bytes)
    const restored = await startStation(t, { dataDir: station.dataDir })
    assert.equal(restored.peerId, station.peerId)
    await restored.node.stop()
  })
})
