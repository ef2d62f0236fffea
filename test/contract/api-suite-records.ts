import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { type OpenStation, publicKey } from './api-suite-station.ts'

const NODE = {
  node_name: 'Hilltop',
  regions: ['nz/akl', 'nz/wgn'],
  version: '1.4.0',
  uptime: 3600,
  zenoh_endpoint: 'tcp/203.0.113.9:7447',
  zenoh_endpoint_lan: 'tcp/192.168.1.20:7447',
  zenoh_proxy: true,
  iroh_node_id: 'a'.repeat(64),
  iroh_endpoint: '203.0.113.9:11204',
  iroh_address: '203.0.113.9:11204',
  iroh_quic_port: 11204,
  archive_replicator_port: 4400,
  iroh_sidecar_port: 4401,
  iroh_relay_urls: ['https://relay.example/'],
  announce_address: 'hub.example',
  guardian_scope: ['nz/*'],
  store_scope: ['nz/akl'],
  capabilities: ['relay', 'store'],
  source: 'ingester',
  type: 'ingester',
  public_key: publicKey(),
  key_version: 1,
}

/** Nodes and stores: what services register about themselves. */
export function recordContract(open: OpenStation): void {
  describe('nodes', () => {
    it('takes every field of a node and gives it back', async (t) => {
      const station = await open(t)
      assert.deepEqual(await station.put('/nodes/ing-1', NODE), { ok: true, ingester_id: 'ing-1' })
      const { updated_at, owner, ...record } = await station.get('/nodes/ing-1')
      assert.deepEqual(record, { ...NODE, _id: 'ing-1', ingester_id: 'ing-1' })
      assert.equal(owner, station.node.ownPeerId)
      assert.ok(Math.abs(Date.parse(updated_at)) > 0)
    })

    it('takes back what was read, and names only fields that are nobody’s', async (t) => {
      const station = await open(t)
      await station.put('/nodes/ing-1', NODE)
      const read = await station.get('/nodes/ing-1')
      assert.deepEqual(await station.put('/nodes/ing-1', read), { ok: true, ingester_id: 'ing-1' })
      assert.deepEqual(await station.put('/nodes/ing-1', { ...read, colour: 'red', mood: null }), {
        ok: true,
        ingester_id: 'ing-1',
        ignored: ['colour', 'mood'],
      })
      assert.equal((await station.get('/nodes/ing-1')).colour, undefined)
    })

    it('goes by the id in the path when the body names another', async (t) => {
      const station = await open(t)
      await station.put('/nodes/ing-1', { ...NODE, ingester_id: 'ing-2' })
      assert.equal((await station.get('/nodes/ing-1')).ingester_id, 'ing-1')
      await station.assertNotFound('/nodes/ing-2')
    })

    it('lists nodes, all or those with an element of regions in the country', async (t) => {
      const station = await open(t)
      await station.put('/nodes/plain', { regions: ['NZ'] })
      await station.put('/nodes/within', { regions: ['au/nsw', 'nz/akl'] })
      await station.put('/nodes/prefix', { regions: ['nzx/akl'] })
      await station.put('/nodes/none', {})
      const ids = async (path: string) =>
        (await station.get(path)).nodes.map((item: { _id: string }) => item._id)
      assert.deepEqual(await ids('/nodes'), ['none', 'plain', 'prefix', 'within'])
      assert.deepEqual(await ids('/nodes?country=nz'), ['plain', 'within'])
      assert.deepEqual(await ids('/nodes?country=Nz'), ['plain', 'within'])
      assert.deepEqual(await ids('/nodes?country=fr'), [])
    })

    it('deletes a node once', async (t) => {
      const station = await open(t)
      await station.put('/nodes/ing-1', NODE)
      assert.deepEqual(await station.del('/nodes/ing-1'), { ok: true, deleted: 'ing-1' })
      await station.assertNotFound('/nodes/ing-1')
      await station.assertNotFound('/nodes/ing-1', 'DELETE')
    })

    it('changes and deletes nothing that another station registered, and names it', async (t) => {
      const station = await open(t)
      const owner = await station.node.addForeign('nodes', 'theirs', { node_name: 'Valley' })
      const request = [{ method: 'PUT', body: { node_name: 'mine now' } }, { method: 'DELETE' }]
      for (const options of request) {
        const answer = await station.send('/nodes/theirs', options)
        assert.equal(answer.status, 403)
        assert.equal(answer.json.code, 'OWNED_BY_OTHER')
        assert.equal(answer.json.owner, owner)
        assert.equal(typeof answer.json.error, 'string')
      }
      assert.equal((await station.get('/nodes/theirs')).node_name, 'Valley')
    })
  })

  describe('stores', () => {
    const STORE = {
      iroh_node_id: 'b'.repeat(64),
      iroh_endpoint: '203.0.113.9:11204',
      store_scope: ['nz/akl', 'nz/wgn'],
      guardian_scope: ['nz/*'],
      announce_address: 'store.example',
      capabilities: ['archive'],
      source: 'broker',
      blob_count: 17,
    }

    it('takes every field of a store and gives it back', async (t) => {
      const station = await open(t)
      const body = { ...STORE, store_id: 's1' }
      assert.deepEqual(await station.put('/stores/s1', body), { ok: true, store_id: 's1' })
      const { updated_at, owner, ...record } = await station.get('/stores/s1')
      assert.deepEqual(record, { ...STORE, _id: 's1', store_id: 's1' })
      assert.equal(owner, station.node.ownPeerId)
      assert.equal(typeof updated_at, 'string')
      assert.deepEqual(await station.del('/stores/s1'), { ok: true, deleted: 's1' })
      await station.assertNotFound('/stores/s1')
    })

    it('lists stores by country and region', async (t) => {
      const station = await open(t)
      await station.put('/stores/akl', { store_scope: ['nz/akl'] })
      await station.put('/stores/nz', { store_scope: ['nz/*'] })
      await station.put('/stores/nsw', { store_scope: ['au/nsw'] })
      const ids = async (query: string) =>
        (await station.get(`/stores${query}`)).stores.map((item: { _id: string }) => item._id)
      assert.deepEqual(await ids(''), ['akl', 'nsw', 'nz'])
      assert.deepEqual(await ids('?country=NZ'), ['akl', 'nz'])
      assert.deepEqual(await ids('?country=nz&region=wgn'), ['nz'])
      assert.deepEqual(await ids('?region=akl'), ['akl', 'nz'])
      assert.deepEqual(await ids('?region=nz/akl'), ['akl', 'nz'])
      assert.deepEqual(await ids('?country=fr'), [])
    })

    it('tells how many stores keep each region, least kept first', async (t) => {
      const station = await open(t)
      await station.put('/stores/a', { store_scope: ['nz/akl', 'nz/wgn'] })
      await station.put('/stores/b', { store_scope: ['nz/akl'] })
      assert.deepEqual(await station.get('/stores/replication'), {
        regions: [
          {
            country: 'nz',
            subdivision: 'wgn',
            scope_pattern: 'nz/wgn',
            node_count: 1,
            nodes: ['a'],
          },
          {
            country: 'nz',
            subdivision: 'akl',
            scope_pattern: 'nz/akl',
            node_count: 2,
            nodes: ['a', 'b'],
          },
        ],
      })
    })
  })

  describe('limits of the predecessor', () => {
    const cases: [string, string, object][] = [
      ['a text of 4 097 characters', 'node_name', { node_name: 'x'.repeat(4097) }],
      ['51 scopes', 'store_scope', { store_scope: Array(51).fill('nz/akl') }],
      ['a scope of 65 characters', 'store_scope', { store_scope: ['x'.repeat(65)] }],
      ['a list where a text belongs', 'node_name', { node_name: ['a'] }],
      ['a text where a list belongs', 'regions', { regions: 'nz/akl' }],
    ]
    for (const [what, field, body] of cases) {
      it(`refuses ${what} and names ${field}`, async (t) => {
        const station = await open(t)
        const answer = await station.send('/nodes/ing-1', { method: 'PUT', body })
        assert.equal(answer.status, 400)
        assert.equal(answer.json.code, 'INVALID_RECORD')
        assert.match(answer.json.error, new RegExp(field))
      })
    }

    it('takes an id of 256 characters and refuses one of 257', async (t) => {
      const station = await open(t)
      await station.put(`/nodes/${'i'.repeat(256)}`, {})
      const answer = await station.send(`/nodes/${'i'.repeat(257)}`, { method: 'PUT', body: {} })
      assert.equal(answer.status, 400)
      assert.equal(answer.json.code, 'INVALID_ID')
    })
  })
}
