import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { peerIdFromString } from '@libp2p/peer-id'

import { call, OWN_PEER_ID } from '../../../support/api.ts'
import { FakeRegistry } from '../../../support/fake-registry.ts'
import { parseMetrics } from '../../../support/node.ts'
import { SIGNED, startPublicApi } from '../../../support/public-api.ts'
import { waitFor } from '../../../support/wait-for.ts'

/** Opens sockets from an address of this machine; each is kept if it is answered. */
function opener(t: TestContext, port: number) {
  return (localAddress: string) =>
    new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', localAddress })
      t.after(() => socket.destroy())
      socket.on('error', () => {})
      socket.on('close', () => resolve(false))
      socket.on('connect', () => socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'))
      socket.on('data', () => resolve(true))
    })
}

describe('the public listener', () => {
  it('says what it is and what it serves', async (t) => {
    const { url } = await startPublicApi(t, { endpoints: ['bootstrap'] })
    const { status, json, headers } = await call(url, '/')
    assert.equal(status, 200)
    assert.deepEqual(json.endpoints, ['bootstrap'])
    assert.equal(headers['wesense-network'], 'wesense')
    assert.equal(headers['wesense-protocol'], '1')
  })

  it('lets pages of any site read, and remembers a preflight', async (t) => {
    const { url } = await startPublicApi(t)
    const page = { origin: 'https://pages.example' }
    const answer = await call(url, '/bootstrap', { headers: page })
    assert.equal(answer.headers['access-control-allow-origin'], '*')
    assert.match(String(answer.headers['access-control-expose-headers']), /\bETag\b/)
    assert.equal(answer.headers['access-control-allow-credentials'], undefined)
    const preflight = await call(url, '/registry/nodes', {
      method: 'OPTIONS',
      headers: { ...page, 'access-control-request-method': 'GET' },
    })
    assert.equal(preflight.status, 204)
    assert.match(String(preflight.headers['access-control-allow-methods']), /GET/)
    assert.match(String(preflight.headers['access-control-allow-headers']), /Authorization/)
    assert.equal(preflight.headers['access-control-max-age'], '86400')
  })

  it('lets errors be read by pages too, and by no cache', async (t) => {
    const { url } = await startPublicApi(t)
    const { status, headers } = await call(url, '/nothing')
    assert.equal(status, 404)
    assert.equal(headers['access-control-allow-origin'], '*')
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(headers['x-content-type-options'], 'nosniff')
  })

  it('says where an error comes from, also of a path that it cannot read', async (t) => {
    const { url } = await startPublicApi(t)
    for (const path of ['/nothing', '/%zz']) {
      const { headers } = await call(url, path)
      assert.deepEqual(
        [headers['wesense-network'], headers['wesense-protocol'], headers['cache-control']],
        ['wesense', '1', 'no-store'],
        path,
      )
    }
  })

  it('gives every answer a tag, and 304 for it', async (t) => {
    const { url } = await startPublicApi(t)
    const name = peerIdFromString(OWN_PEER_ID).toCID()
    const id = OWN_PEER_ID
    for (const path of [
      '/',
      '/bootstrap',
      '/registry/nodes',
      `/routing/v1/peers/${id}`,
      `/routing/v1/providers/${name}`,
      `/routing/v1/ipns/${name}`,
    ]) {
      const headers = { accept: '*/*' }
      const first = await call(url, path, { headers })
      assert.equal(first.status, 200, path)
      const tags = { ...headers, 'if-none-match': String(first.headers.etag) }
      const again = await call(url, path, { headers: tags })
      assert.deepEqual([again.status, again.text], [304, ''], path)
      assert.match(String(again.headers['cache-control']), /^public, max-age=/, path)
    }
  })

  it('answers 304 to who has the document already, and the same tag to HEAD', async (t) => {
    const { url } = await startPublicApi(t)
    const first = await call(url, '/bootstrap')
    assert.deepEqual(first.json, SIGNED)
    const etag = String(first.headers.etag)
    const again = await call(url, '/bootstrap', { headers: { 'if-none-match': etag } })
    assert.equal(again.status, 304)
    assert.equal(again.text, '')
    assert.equal(again.headers.etag, etag)
    assert.match(String(again.headers['cache-control']), /^public, max-age=60/)
    const since = { 'if-modified-since': String(first.headers['last-modified']) }
    assert.equal((await call(url, '/bootstrap', { headers: since })).status, 304)
    const old = { 'if-modified-since': new Date(SIGNED.issued - 1000).toUTCString() }
    assert.equal((await call(url, '/bootstrap', { headers: old })).status, 200)
    const other = { ...since, 'if-none-match': '"another"' }
    assert.equal((await call(url, '/bootstrap', { headers: other })).status, 200)
    const head = await call(url, '/bootstrap', { method: 'HEAD' })
    assert.equal(head.headers.etag, etag)
    assert.equal(head.text, '')
  })

  it('can only be read', async (t) => {
    const { url } = await startPublicApi(t)
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      const answer = await call(url, '/bootstrap', { method, body: { a: 1 } })
      assert.equal(answer.status, 405, method)
      assert.equal(answer.json.code, 'METHOD_NOT_ALLOWED')
      assert.equal(answer.headers.allow, 'GET, HEAD, OPTIONS')
    }
  })

  it('tells a client of another network or version so, and counts it', async (t) => {
    const { url, metrics } = await startPublicApi(t)
    const network = await call(url, '/bootstrap?network=other')
    assert.equal(network.status, 409)
    assert.equal(network.json.code, 'OTHER_NETWORK')
    assert.match(network.json.error, /wesense, not of other/)
    assert.equal(network.json.network, 'wesense')
    const older = await call(url, '/registry/nodes?network=wesense&protocol=0')
    assert.equal(older.json.code, 'OTHER_PROTOCOL')
    assert.match(older.json.error, /the client needs an update/)
    const newer = await call(url, '/bootstrap?protocol=2')
    assert.match(newer.json.error, /this node needs an update/)
    assert.equal((await call(url, '/bootstrap?network=wesense&protocol=1')).status, 200)
    const named = await call(url, '/bootstrap?network=%3Cscript%3E')
    assert.doesNotMatch(named.text, /script/)
    const samples = parseMetrics(await metrics.text())
    assert.equal(samples.get('wesense_public_clients_told_total{reason="network"}'), 2)
    assert.equal(samples.get('wesense_public_clients_told_total{reason="protocol"}'), 2)
  })

  it('answers for what is switched off that it is', async (t) => {
    const { url } = await startPublicApi(t, { endpoints: ['routing'] })
    for (const path of ['/bootstrap', '/registry/nodes']) {
      const { status, json } = await call(url, path)
      assert.equal(status, 501, path)
      assert.equal(json.code, 'NOT_SERVED')
    }
    assert.equal((await call(url, '/routing/v1/providers/bafkqaaa')).status, 200)
  })

  it('lets the token or an allowed network in where the operator restricts it', async (t) => {
    const token = 'a-token-of-sixteen'
    const { url } = await startPublicApi(t, {
      token,
      restricted: ['registry'],
      allowedNetworks: ['127.0.0.2'],
    })
    const asked = await call(url, '/registry/nodes')
    assert.equal(asked.status, 401)
    assert.equal(asked.headers['www-authenticate'], 'Bearer')
    const wrong = { authorization: 'Bearer another-token-here' }
    assert.equal(
      (await call(url, '/registry/nodes', { headers: wrong })).json.code,
      'TOKEN_INVALID',
    )
    const right = { authorization: `Bearer ${token}` }
    const answer = await call(url, '/registry/nodes', { headers: right })
    assert.equal(answer.status, 200)
    assert.match(String(answer.headers['cache-control']), /^private,/)
    assert.equal((await call(url, '/registry/nodes', { from: '127.0.0.2' })).status, 200)
    const open = await call(url, '/bootstrap')
    assert.equal(open.status, 200)
    assert.match(String(open.headers['cache-control']), /^public,/)
  })

  it('refuses other addresses where there is no token to ask for', async (t) => {
    const { url } = await startPublicApi(t, { allowedNetworks: ['127.0.0.2'] })
    const { status, json } = await call(url, '/bootstrap')
    assert.equal(status, 403)
    assert.equal(json.code, 'ADDRESS_NOT_ALLOWED')
  })

  it('limits the rate of each client, of whom it learns from trusted proxies alone', async (t) => {
    const { url } = await startPublicApi(t, {
      rateLimitPerMinute: 2,
      trustedProxies: ['127.0.0.9'],
    })
    const ask = (from: string, forwardedFor?: string) =>
      call(url, '/', {
        from,
        headers: forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor },
      })
    const codes = async (asked: Promise<{ readonly status: number }>[]) =>
      (await Promise.all(asked)).map(({ status }) => status).toSorted()
    const liar = ['198.51.100.1', '198.51.100.2', '198.51.100.3'].map((one) =>
      ask('127.0.0.1', one),
    )
    assert.deepEqual(await codes(liar), [200, 200, 429])
    const proxied = ['198.51.100.1', '198.51.100.2', '198.51.100.3'].map((one) =>
      ask('127.0.0.9', one),
    )
    assert.deepEqual(await codes(proxied), [200, 200, 200])
    const one = [1, 2, 3].map((n) => ask('127.0.0.9', `203.0.113.${n}, 198.51.100.9`))
    assert.deepEqual(await codes(one), [200, 200, 429])
    const limited = await ask('127.0.0.1')
    assert.equal(limited.json.code, 'RATE_LIMITED')
    assert.equal(limited.headers['retry-after'], '30')
  })

  it('knows who used it within the last hour', async (t) => {
    const { url, api, metrics } = await startPublicApi(t)
    await call(url, '/bootstrap')
    await call(url, '/bootstrap', { from: '127.0.0.2' })
    await call(url, '/registry/nodes')
    const usage = api.status()?.usage
    assert.deepEqual(usage?.endpoints, [
      { name: 'bootstrap', clients: 2, requests: 2 },
      { name: 'routing', clients: 0, requests: 0 },
      { name: 'registry', clients: 1, requests: 1 },
    ])
    assert.deepEqual(usage?.top[0], { client: '127.0.0.1', requests: 2 })
    const ok = 'wesense_public_requests_total{endpoint="bootstrap",outcome="ok"}'
    await waitFor(async () => parseMetrics(await metrics.text()).get(ok) === 2, { message: ok })
  })

  it('gives one client so many sockets and no more, and others theirs', async (t) => {
    const { port, url, metrics } = await startPublicApi(t, {
      limits: { maxConnectionsPerClient: 3 },
    })
    const open = opener(t, port)
    const kept = await Promise.all(Array.from({ length: 5 }, () => open('127.0.0.3')))
    assert.equal(kept.filter((isKept) => isKept).length, 3)
    assert.equal((await call(url, '/')).status, 200)
    const refused = parseMetrics(await metrics.text()).get(
      'wesense_public_connections_refused_total',
    )
    assert.equal(refused, 2)
  })

  it('gives a network so many sockets and no more, however many clients are in it', async (t) => {
    const { port } = await startPublicApi(t, { limits: { maxConnectionsPerNetwork: 3 } })
    const open = opener(t, port)
    const kept = await Promise.all(Array.from({ length: 5 }, (_, n) => open(`127.0.9.${n + 1}`)))
    assert.equal(kept.filter((isKept) => isKept).length, 3)
    assert.equal(await open('127.0.8.1'), true)
  })

  it('hangs up on a client that is slow with its headers, and on headers that are too long', async (t) => {
    const { port } = await startPublicApi(t, {
      limits: { headersTimeoutMs: 200, checkIntervalMs: 50 },
    })
    const send = (text: string) =>
      new Promise<string>((resolve) => {
        const socket = connect({ port, host: '127.0.0.1' })
        let answer = ''
        socket.on('error', () => {})
        socket.on('data', (bytes) => {
          answer += bytes.toString()
        })
        socket.on('close', () => resolve(answer))
        socket.write(text)
      })
    const sentAt = performance.now()
    assert.match(await send('GET / HTTP/1.1\r\nhost: a\r\n'), /^HTTP\/1.1 408 /)
    const ms = performance.now() - sentAt
    assert.ok(ms < 3_000, `${ms} ms`)
    const long = `x-long: ${'a'.repeat(9_000)}`
    assert.match(await send(`GET / HTTP/1.1\r\nhost: a\r\n${long}\r\n\r\n`), /^HTTP\/1.1 431 /)
  })

  it('answers 503 for what takes too long, instead of nothing', async (t) => {
    const never = () => new Promise<never>(() => {})
    const limits = { answerTimeoutMs: 50 }
    const registry = new FakeRegistry(OWN_PEER_ID)
    await registry.writer.put('nodes', 'roof', {})
    const entries = { view: registry.view, entriesOf: never }
    const stuck = { bootstrap: never, findPeer: never, registry: entries }
    const { url } = await startPublicApi(t, { limits }, stuck)
    const paths = ['/bootstrap', `/routing/v1/peers/${OWN_PEER_ID}`, '/registry/nodes']
    for (const path of paths) {
      const { status, json } = await call(url, path)
      assert.equal(status, 503, path)
      assert.equal(json.code, 'NOT_READY', path)
    }
  })

  it('starts again after a stop, and stops twice', async (t) => {
    const { api } = await startPublicApi(t)
    await api.stop()
    assert.equal(api.status(), null)
    await api.stop()
    const { port } = await api.start()
    assert.equal((await call(`http://127.0.0.1:${port}`, '/')).status, 200)
  })

  it('names the port that is taken', async (t) => {
    const { port } = await startPublicApi(t)
    await assert.rejects(startPublicApi(t, { port }), { code: 'PORT_IN_USE' })
  })

  it('says so where this machine does not have its address', async (t) => {
    const host = '198.51.100.1'
    await assert.rejects(startPublicApi(t, { host }), {
      code: 'LISTEN_FAILED',
      message: /this machine has no such address/,
      facts: { host, port: 0, reason: 'EADDRNOTAVAIL', listener: 'public' },
    })
  })
})
