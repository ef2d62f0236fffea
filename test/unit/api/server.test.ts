import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { createApi } from '../../../src/api/index.ts'
import { createMetrics } from '../../../src/telemetry/index.ts'
import {
  call,
  connectedPeer,
  nodeStatus,
  openSocket,
  startApi,
  TEST_OPTIONS,
} from '../../support/api.ts'
import { waitFor } from '../../support/wait-for.ts'

describe('life of the API', () => {
  it('listens from start to stop, and again', async (t) => {
    const { api, url, port } = await startApi(t)
    assert.deepEqual(await api.start(), { host: '127.0.0.1', port })
    assert.deepEqual(api.address(), { host: '127.0.0.1', port })
    await Promise.all([api.stop(), api.stop()])
    await api.stop()
    assert.equal(api.address(), null)
    await assert.rejects(call(url, '/livez'), { code: 'ECONNREFUSED' })
    const again = await api.start()
    assert.equal((await call(`http://127.0.0.1:${again.port}`, '/livez')).status, 200)
  })

  it('says which port is in use, and stop is safe after that', async (t) => {
    const { port, components } = await startApi(t)
    const second = createApi({ ...TEST_OPTIONS, port }, { ...components, metrics: createMetrics() })
    await assert.rejects(second.start(), {
      name: 'ApiError',
      code: 'PORT_IN_USE',
      message: `API port ${port} on 127.0.0.1 is in use`,
    })
    await second.stop()
    assert.equal(second.address(), null)
  })

  it('says when it cannot listen for another reason', async (t) => {
    const { components } = await startApi(t)
    const options = { ...TEST_OPTIONS, host: '198.51.100.1' }
    const api = createApi(options, { ...components, metrics: createMetrics() })
    await assert.rejects(api.start(), {
      code: 'LISTEN_FAILED',
      message: 'the API cannot listen on 198.51.100.1 port 0: this machine has no such address',
      facts: { host: '198.51.100.1', port: 0, reason: 'EADDRNOTAVAIL', listener: 'api' },
    })
  })

  it('refuses a trusted network that is none before anything listens', async (t) => {
    const { components } = await startApi(t)
    const options = { ...TEST_OPTIONS, trustedNetworks: ['lan'] }
    const metrics = createMetrics()
    assert.throws(() => createApi(options, { ...components, metrics }), { code: 'INVALID_NETWORK' })
  })

  it('listens on IPv4 loopback when its host is localhost', async (t) => {
    const { api } = await startApi(t, { host: 'localhost' })
    assert.equal(api.address()?.host, '127.0.0.1')
  })

  it('cuts idle and unfinished connections when it stops', async (t) => {
    const { api, port } = await startApi(t, { limits: { stopGraceMs: 100 } })
    const idle = await openSocket(t, port)
    const kept = await openSocket(t, port)
    kept.send('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n')
    const unfinished = await openSocket(t, port)
    unfinished.send('PUT /nodes/a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n')
    await waitFor(() => kept.statuses.length === 1, { message: 'the answer' })
    await api.stop()
    await waitFor(() => idle.isClosed && kept.isClosed && unfinished.isClosed, {
      timeoutMs: 500,
      message: 'all connections to be closed',
    })
  })

  it('stops in time although a handler never ends', async (t) => {
    const { api, port, registry, components } = await startApi(t, {
      limits: { stopGraceMs: 50, stopTimeoutMs: 400 },
    })
    const put = t.mock.method(registry.writer, 'put', () => new Promise(() => {}))
    const socket = await openSocket(t, port)
    socket.send(
      'PUT /nodes/a HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
    )
    await waitFor(() => put.mock.callCount() === 1, { message: 'the write to begin' })
    await api.stop()
    await waitFor(() => socket.isClosed, { timeoutMs: 500, message: 'its connection to be cut' })
    const isEnded = async () =>
      (await components.metricsText()).includes('wesense_api_errors_total{code="CLOSED"} 1')
    await waitFor(isEnded, { timeoutMs: 500, message: 'the wait for the write to be ended' })
  })
})

describe('what the API shows', () => {
  it('limits a caller, but never the checks of an orchestrator', async (t) => {
    const { url } = await startApi(t, { rateLimitPerMinute: 2 })
    assert.equal((await call(url, '/nodes')).status, 200)
    assert.equal((await call(url, '/nodes')).status, 200)
    const limited = await call(url, '/nodes')
    assert.equal(limited.status, 429)
    assert.equal(limited.json.code, 'RATE_LIMITED')
    assert.equal(limited.headers['retry-after'], '30')
    for (let i = 0; i < 5; i++) assert.equal((await call(url, '/livez')).status, 200)
    assert.equal((await call(url, '/readyz')).status, 200)
  })

  it('tells what is missing when it is not ready', async (t) => {
    const checks = [
      { name: 'seeds', ok: false, detail: 'none of 2 answered' },
      { name: 'registry', ok: true, detail: 'open' },
    ]
    const { url } = await startApi(t, {}, { readiness: () => ({ ok: false, checks }) })
    const answer = await call(url, '/readyz')
    assert.equal(answer.status, 503)
    assert.deepEqual(answer.json, {
      ok: false,
      error: 'not ready: seeds',
      code: 'NOT_READY',
      checks,
    })
    assert.equal((await call(url, '/health')).json.status, 'degraded')
  })

  it('lists peers, the longest connected first', async (t) => {
    const clock = { now: () => 100_000, sleep: async () => {} }
    const peers = () => [
      connectedPeer({ peerId: 'young', connectedAtMs: 99_500, rttMs: null, agent: null }),
      connectedPeer({ peerId: 'old', connectedAtMs: 40_000, isLimited: true }),
      connectedPeer({ peerId: 'ahead', connectedAtMs: 100_900, isStation: false }),
    ]
    const { url } = await startApi(t, {}, { peers, clock })
    const { json } = await call(url, '/peers')
    assert.deepEqual(json.peers[0], {
      peer_id: 'old',
      remote_address: '/ip4/198.51.100.7/tcp/4002',
      direction: 'outbound',
      connected_seconds: 60,
      rtt_ms: 12,
      agent: 'wesense-node/0.1.0',
      is_station: true,
      is_client: false,
      is_limited: true,
    })
    assert.equal(json.peers[1].connected_seconds, 0)
    assert.equal(json.peers[2].connected_seconds, 0)
    const health = (await call(url, '/health')).json
    assert.equal(health.peer_count, 3)
    assert.deepEqual(health.wesense_peers, ['young', 'old'])
  })

  it('shows the status as the node built it', async (t) => {
    const status = nodeStatus({ warnings: ['clock is 3 min off'] })
    const { url } = await startApi(t, {}, { nodeStatus: () => status })
    assert.deepEqual((await call(url, '/status')).json, status)
  })

  it('answers /health from what is at hand, without the whole status', async (t) => {
    const { peer_id, addresses } = nodeStatus()
    const { url } = await startApi(
      t,
      {},
      {
        whereabouts: () => ({ peer_id, addresses }),
        nodeStatus: () => assert.fail('the whole status was made'),
      },
    )
    const { status, json } = await call(url, '/health')
    assert.equal(status, 200)
    assert.equal(json.peer_id, peer_id)
    assert.deepEqual(json.addresses, [...addresses.announce, ...addresses.listen])
  })

  it('counts requests by method, route and status, and errors by code', async (t) => {
    const { url } = await startApi(t)
    await call(url, '/nodes/a', { method: 'PUT', body: {} })
    await call(url, '/nodes/b')
    await call(url, '/../etc/passwd')
    const { text } = await call(url, '/metrics')
    const lines = [
      'wesense_api_requests_total{method="PUT",route="/nodes/:id",status="2xx"} 1',
      'wesense_api_requests_total{method="GET",route="/nodes/:id",status="4xx"} 1',
      'wesense_api_requests_total{method="GET",route="none",status="4xx"} 1',
      'wesense_api_errors_total{code="NOT_FOUND"} 1',
      'wesense_api_errors_total{code="ROUTE_NOT_FOUND"} 1',
      'wesense_api_request_duration_seconds_count{route="/nodes/:id"} 2',
      'wesense_api_connections 1',
    ]
    for (const line of lines) assert.ok(text.split('\n').includes(line), `${line} in\n${text}`)
  })
})
