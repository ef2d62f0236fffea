import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { SECURITY_HEADERS } from '../../../src/api/http/security-headers.ts'
import { type Call, call, openSocket, startApi } from '../../support/api.ts'
import { waitFor } from '../../support/wait-for.ts'

const EVIL = 'https://evil.example'

describe('what every answer of the API says to a browser', () => {
  it('is said by good ones and by all kinds of errors', async (t) => {
    const { url } = await startApi(t, { rateLimitPerMinute: 8 })
    const asked: [string, Call, number][] = [
      ['/livez', {}, 200],
      ['/metrics', {}, 200],
      ['/openapi.json', {}, 200],
      ['/nothing', {}, 404],
      ['/nodes/%zz', {}, 400],
      ['/nodes/a', { method: 'PUT', body: '{' }, 400],
      ['/nodes/a', { method: 'PUT', body: 'a', headers: { 'content-type': 'text/plain' } }, 415],
      ['/nodes', { headers: { origin: EVIL } }, 403],
      ['/nodes', { headers: { host: 'evil.example' } }, 403],
      ['/nodes', { method: 'TRACE' }, 404],
      ['/nodes', {}, 429],
    ]
    for (const [path, options, status] of asked) {
      const answer = await call(url, path, options)
      assert.equal(answer.status, status, path)
      for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
        assert.equal(answer.headers[name], value, `${name} of ${path}`)
      }
      const own = Object.keys(answer.headers)
      assert.deepEqual(
        own.filter((name) => /^(access-control-|set-cookie|server$|x-powered-by)/.test(name)),
        [],
      )
    }
  })

  it('is said to what is no HTTP', async (t) => {
    const { port } = await startApi(t)
    const socket = await openSocket(t, port)
    socket.send('<script>alert(1)</script>\r\n\r\n')
    await waitFor(() => socket.isClosed, { message: 'the answer' })
    assert.deepEqual(socket.statuses, [400])
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
      assert.ok(socket.received.includes(`${name}: ${value}\r\n`), name)
    }
    assert.ok(!socket.received.includes('alert'))
  })

  it('never repeats what was sent', async (t) => {
    const { url } = await startApi(t)
    const mark = 'Zq7Zq7Zq7'
    const asked: [string, Call][] = [
      [`/${mark}`, {}],
      [`/nodes/${mark}`, {}],
      [`/nodes/%3C${mark}%zz`, {}],
      [`/nodes?country=${mark}${'x'.repeat(300)}`, {}],
      [`/nodes/a`, { headers: { host: `${mark}.example` } }],
      [`/nodes/a`, { headers: { origin: `https://${mark}.example` } }],
      [`/nodes/a`, { method: 'PUT', body: `{"${mark}"` }],
      [`/nodes/a`, { method: 'TRACE', headers: { 'x-mark': mark } }],
      [`/nodes/a`, { method: 'PUT', body: mark, headers: { 'content-type': `text/${mark}` } }],
    ]
    for (const [path, options] of asked) {
      const { status, text, headers } = await call(url, path, options)
      assert.ok(status >= 400, `${status} for ${path}`)
      assert.ok(!`${text}${JSON.stringify(headers)}`.includes(mark), `${path}: ${text}`)
    }
  })
})

describe('a page of another site', () => {
  it('gets no leave by a CORS preflight', async (t) => {
    const { url } = await startApi(t)
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await call(url, '/nodes/a', {
        method: 'OPTIONS',
        headers: {
          origin: EVIL,
          'access-control-request-method': method,
          'access-control-request-headers': 'content-type, authorization',
          'access-control-request-private-network': 'true',
        },
      })
      assert.equal(answer.status, 403)
      assert.equal(answer.json.code, 'ORIGIN_NOT_ALLOWED')
    }
  })

  it('changes nothing with a form, or with a body that needs no preflight', async (t) => {
    const { url, registry } = await startApi(t)
    const put = t.mock.method(registry.writer, 'put')
    const remove = t.mock.method(registry.writer, 'delete')
    const simple = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']
    for (const type of [...simple, 'text/plain; application/json', '']) {
      for (const method of ['POST', 'PUT']) {
        // No Origin: as if the guard against foreign ones were not there.
        const headers = { 'content-type': type }
        const answer = await call(url, '/nodes/a', { method, body: '{"regions":[]}', headers })
        assert.ok([404, 415].includes(answer.status), `${method} ${type}: ${answer.status}`)
      }
    }
    const override = { 'x-http-method-override': 'DELETE', 'content-type': 'text/plain' }
    assert.equal((await call(url, '/nodes/a', { method: 'POST', headers: override })).status, 404)
    assert.equal(put.mock.callCount() + remove.mock.callCount(), 0)
  })

  it('opens no WebSocket', async (t) => {
    const { port } = await startApi(t)
    const upgrade = (origin: string) =>
      `GET /peers HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Origin: ${origin}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`
    const foreign = await openSocket(t, port)
    foreign.send(upgrade(EVIL))
    await waitFor(() => foreign.statuses.length === 1, { message: 'the answer' })
    assert.deepEqual(foreign.statuses, [403])
    const own = await openSocket(t, port)
    own.send(upgrade(`http://127.0.0.1:${port}`))
    await waitFor(() => own.statuses.length === 1, { message: 'the answer' })
    assert.notEqual(own.statuses[0], 101)
  })

  it('is refused what an image or a script of it would load', async (t) => {
    const { url } = await startApi(t)
    const load = (dest: string) => ({
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'no-cors',
      'sec-fetch-dest': dest,
    })
    for (const dest of ['image', 'script', 'style', 'empty']) {
      assert.equal((await call(url, '/peers', { headers: load(dest) })).status, 403, dest)
    }
  })

  it('opens no tunnel', async (t) => {
    const { port } = await startApi(t)
    const socket = await openSocket(t, port)
    socket.send('CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n')
    await waitFor(() => socket.isClosed, { message: 'it to be closed' })
    assert.ok(!socket.statuses.includes(200))
  })
})
