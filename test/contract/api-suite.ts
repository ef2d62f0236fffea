import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { call } from '../support/api.ts'
import type { OpenApiDocument } from '../support/openapi.ts'
import { recordContract } from './api-suite-records.ts'
import { statementContract } from './api-suite-statements.ts'
import { type ApiUnderTest, type OpenStation, Station } from './api-suite-station.ts'

/**
 * Every row of the HTTP contract that station services rely on, with a consensus threshold of 2.
 */
export function apiContract(name: string, create: (t: TestContext) => Promise<ApiUnderTest>): void {
  const open: OpenStation = async (t) => {
    const node = await create(t)
    const document: OpenApiDocument = (await call(node.url, '/openapi.json')).json
    return new Station(node, document)
  }

  describe(`HTTP contract: ${name}`, () => {
    recordContract(open)
    statementContract(open)
    stationContract(open)
  })
}

function stationContract(open: OpenStation): void {
  describe('the station itself', () => {
    it('answers /health with at least what its services read', async (t) => {
      const station = await open(t)
      await station.put('/nodes/ing-1', {})
      const health = await station.get('/health')
      assert.equal(health.peer_id, station.node.ownPeerId)
      assert.equal(typeof health.status, 'string')
      assert.ok(Number.isInteger(health.peer_count))
      assert.ok(Number.isInteger(health.wesense_peer_count))
      assert.ok(Array.isArray(health.wesense_peers))
      assert.ok(Array.isArray(health.addresses))
      assert.equal(health.databases.nodes, 1)
      assert.equal(health.databases.stores, 0)
    })

    it('answers /livez, /readyz, /status, /peers, /relay and /metrics', async (t) => {
      const station = await open(t)
      assert.deepEqual(await station.get('/livez'), { ok: true })
      assert.ok([200, 503].includes((await station.send('/readyz')).status))
      assert.equal((await station.get('/status')).peer_id, station.node.ownPeerId)
      assert.ok(Array.isArray((await station.get('/peers')).peers))
      assert.ok('hop' in (await station.get('/relay')))
      const metrics = await station.send('/metrics')
      assert.match(metrics.headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/)
      assert.match(metrics.text, /^wesense_api_requests_total\{/m)
    })
  })
}
