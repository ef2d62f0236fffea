import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { buildApp } from '../../../src/api/app.ts'
import { createAccessPolicy } from '../../../src/api/http/access.ts'
import { RequestLimiter } from '../../../src/api/http/rate-limit.ts'
import { TokenAttempts } from '../../../src/api/http/token-attempts.ts'
import { createApiMetrics } from '../../../src/api/metrics.ts'
import { DEFAULT_API_LIMITS } from '../../../src/api/options.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { createMetrics, silentLogger } from '../../../src/telemetry/index.ts'
import { nodeStatus, OWN_PEER_ID, READY, testBans } from '../../support/api.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'

const TOKEN = 'a-token-of-some-length'

function app() {
  const metrics = createMetrics()
  const fake = new FakeRegistry(OWN_PEER_ID)
  return buildApp({
    context: {
      registry: fake.view,
      writer: fake.writer,
      trust: fake.trust,
      entryBytes: (hash) => fake.entryBytes(hash),
      clock: systemClock,
      consensusThreshold: 2,
      nodeStatus: () => nodeStatus(),
      whereabouts: () => nodeStatus(),
      peers: () => [],
      readiness: () => READY,
      relay: () => ({ enabled: false, hop: null, stun: null }),
      bans: testBans(),
      metricsText: () => metrics.text(),
      logger: silentLogger,
      metrics,
    },
    access: createAccessPolicy({ token: TOKEN, trustedNetworks: [], allowedHosts: [] }),
    limiter: new RequestLimiter({ perMinute: null, maxCallers: 10, clock: systemClock }),
    attempts: new TokenAttempts({
      perMinute: 10,
      maxCallers: 10,
      clock: systemClock,
      logger: silentLogger,
    }),
    metrics: createApiMetrics(metrics, async () => 0),
    limits: DEFAULT_API_LIMITS,
    bodyLimitBytes: 100 * 1024,
  })
}

const stranger = (url: string, headers: Record<string, string> = {}) => ({
  url,
  headers,
  remoteAddress: '203.0.113.9',
})

describe('a stranger at the API', () => {
  it('gets no route, known or not, without the token', async () => {
    const subject = app()
    const paths = [
      '/nodes',
      '/nodes/a',
      '/health',
      '/status',
      '/peers',
      '/relay',
      '/metrics',
      '/openapi.json',
      '/x',
    ]
    for (const path of paths) {
      const answer = await subject.inject(stranger(path))
      assert.equal(answer.statusCode, 401, path)
      assert.equal(answer.json().code, 'TOKEN_REQUIRED')
      assert.equal(answer.headers['www-authenticate'], 'Bearer')
    }
    const write = { ...stranger('/nodes/a'), method: 'PUT' as const, payload: {} }
    assert.equal((await subject.inject(write)).statusCode, 401)
  })

  it('is not let in by what it claims to be forwarded for', async () => {
    const headers = {
      'x-forwarded-for': '127.0.0.1',
      forwarded: 'for=127.0.0.1',
      'x-real-ip': '127.0.0.1',
    }
    assert.equal((await app().inject(stranger('/nodes', headers))).statusCode, 401)
  })

  it('gets everything with the token', async () => {
    const authorization = `Bearer ${TOKEN}`
    const answer = await app().inject(stranger('/readyz', { authorization }))
    assert.deepEqual(answer.json(), READY)
    assert.equal((await app().inject(stranger('/nodes', { authorization }))).statusCode, 200)
  })

  it('is let in no more once it sent ten wrong tokens, and learns no more from open routes', async () => {
    const subject = app()
    const send = (url: string, token: string) =>
      subject.inject(stranger(url, { authorization: `Bearer ${token}` }))
    // Where the routes are open the token shows in what is answered: a guess there counts as well.
    for (let i = 0; i < 5; i++) assert.equal((await send('/nodes', `guess-${i}`)).statusCode, 401)
    for (let i = 5; i < 10; i++) {
      assert.deepEqual((await send('/readyz', `guess-${i}`)).json(), { ok: true })
    }
    const late = await send('/nodes', TOKEN)
    assert.equal(late.statusCode, 429)
    assert.equal(late.json().code, 'RATE_LIMITED')
    assert.deepEqual((await send('/readyz', TOKEN)).json(), { ok: true })
    const other = { ...stranger('/nodes', { authorization: `Bearer ${TOKEN}` }) }
    assert.equal(
      (await subject.inject({ ...other, remoteAddress: '203.0.113.10' })).statusCode,
      200,
    )
  })

  it('learns from /livez and /readyz that the station lives and is ready, and no more', async () => {
    assert.deepEqual((await app().inject(stranger('/livez'))).json(), { ok: true })
    assert.deepEqual((await app().inject(stranger('/readyz'))).json(), { ok: true })
  })
})

describe('a web page of another site, on a trusted machine', () => {
  it('is refused to read and to write', async () => {
    const headers = { host: 'localhost:5200', origin: 'https://evil.example' }
    for (const method of ['GET', 'DELETE'] as const) {
      const answer = await app().inject({ method, url: '/nodes/a', headers })
      assert.equal(answer.statusCode, 403)
      assert.equal(answer.json().code, 'ORIGIN_NOT_ALLOWED')
    }
  })

  it('is refused under a name that was made to resolve to us', async () => {
    const answer = await app().inject({ url: '/nodes', headers: { host: 'evil.example:5200' } })
    assert.equal(answer.statusCode, 403)
    assert.equal(answer.json().code, 'HOST_NOT_ALLOWED')
  })
})

describe('the OpenAPI document', () => {
  it('describes every route that the server has, and no other', async () => {
    const subject = app()
    const document = (await subject.inject('/openapi.json')).json()
    assert.equal(document.openapi, '3.1.0')
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations ?? {}).map((method) => `${method.toUpperCase()} ${path}`),
    )
    assert.deepEqual(described.sort(), [
      'DELETE /bans',
      'DELETE /bans/{target}',
      'DELETE /nodes/{id}',
      'DELETE /stores/{id}',
      'DELETE /trust/vouches/{peer_id}',
      'DELETE /trust/{ingester_id}',
      'GET /attestations',
      'GET /attestations/{manifest_hash}',
      'GET /attestations/{manifest_hash}/consensus',
      'GET /bans',
      'GET /health',
      'GET /livez',
      'GET /metrics',
      'GET /nodes',
      'GET /nodes/{id}',
      'GET /openapi.json',
      'GET /peers',
      'GET /readyz',
      'GET /relay',
      'GET /status',
      'GET /stores',
      'GET /stores/replication',
      'GET /stores/{id}',
      'GET /trust',
      'GET /trust/statements',
      'GET /trust/vouches',
      'GET /trust/{ingester_id}',
      'PUT /attestations/{manifest_hash}',
      'PUT /bans/{target}',
      'PUT /nodes/{id}',
      'PUT /stores/{id}',
      'PUT /trust/vouches/{peer_id}',
      'PUT /trust/{ingester_id}',
    ])
  })

  it('says of each operation what it takes and how it may fail', async () => {
    const document = (await app().inject('/openapi.json')).json()
    const put = document.paths['/nodes/{id}'].put
    assert.equal(put.parameters[0].name, 'id')
    assert.equal(put.parameters[0].required, true)
    assert.equal(put.parameters[0].schema.maxLength, 256)
    assert.equal(put.requestBody.content['application/json'].schema.type, 'object')
    assert.match(put.responses['403'].description, /OWNED_BY_OTHER/)
    assert.match(put.responses['429'].description, /RATE_LIMITED/)
    const list = document.paths['/nodes'].get
    assert.deepEqual(list.parameters[0].required, false)
    assert.equal(document.paths['/livez'].get.responses['401'], undefined)
  })
})
