import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { call, openSocket, startApi } from '../support/api.ts'
import { FakeRegistryError } from '../support/fake-registry.ts'
import { waitFor } from '../support/wait-for.ts'

const GET = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n'
const SLOW = { checkIntervalMs: 20, headersTimeoutMs: 150, requestTimeoutMs: 300 }

const putText = (body: string, length = Buffer.byteLength(body)) =>
  `PUT /nodes/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
  `Content-Length: ${length}\r\n\r\n${body}`

describe('HTTP API against bad bodies', () => {
  const survivors: [string, string, number, string][] = [
    ['malformed JSON', putText('{"node_name": '), 400, 'INVALID_JSON'],
    ['a body of 1 MB', putText(JSON.stringify('x'.repeat(1e6))), 413, 'BODY_TOO_LARGE'],
    ['a __proto__ in the body', putText('{"__proto__":{"a":1}}'), 400, 'INVALID_JSON'],
    [
      '50 000 nested lists',
      putText('['.repeat(50_000) + ']'.repeat(50_000)),
      400,
      'INVALID_RECORD',
    ],
    ['a list as body', putText('[]'), 400, 'INVALID_RECORD'],
    ['null as body', putText('null'), 400, 'INVALID_RECORD'],
    ['no body', putText(''), 400, 'INVALID_RECORD'],
  ]
  for (const [what, request, status, code] of survivors) {
    it(`answers ${what} with ${status} ${code} and keeps the connection`, async (t) => {
      const { port } = await startApi(t)
      const socket = await openSocket(t, port)
      socket.send(request)
      await waitFor(() => socket.statuses.length === 1, { message: 'the first answer' })
      socket.send(GET)
      await waitFor(() => socket.statuses.length === 2, { message: 'the second answer' })
      assert.deepEqual(socket.statuses, [status, 200])
      assert.ok(socket.received.includes(`"code":"${code}"`), socket.received)
    })
  }

  it('answers a chunked body of 1 MB with 413 and keeps the connection', async (t) => {
    const { port } = await startApi(t)
    const socket = await openSocket(t, port)
    socket.send('PUT /nodes/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n')
    socket.send('Transfer-Encoding: chunked\r\n\r\n')
    for (let i = 0; i < 16; i++) socket.send(`10000\r\n${'x'.repeat(0x10000)}\r\n`)
    socket.send(`0\r\n\r\n${GET}`)
    await waitFor(() => socket.statuses.length === 2, { message: 'both answers' })
    assert.deepEqual(socket.statuses, [413, 200])
  })

  it('does not read a body far beyond the limit: 413 and the connection ends', async (t) => {
    const { port } = await startApi(t)
    const socket = await openSocket(t, port)
    socket.send(putText('{', 1e9))
    await waitFor(() => socket.isClosed, { message: 'the end of the connection' })
    assert.deepEqual(socket.statuses, [413])
  })

  it('reads a chunked body that never ends to its bound only: 413 and the connection ends', async (t) => {
    const { port } = await startApi(t, { limits: { drainLimitBytes: 200_000 } })
    const socket = await openSocket(t, port)
    socket.send('PUT /nodes/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n')
    socket.send('Transfer-Encoding: chunked\r\n\r\n')
    for (let i = 0; i < 4; i++) socket.send(`10000\r\n${'x'.repeat(0x10000)}\r\n`)
    await waitFor(() => socket.isClosed, { message: 'the end of the connection' })
    assert.deepEqual(socket.statuses, [413])
  })

  it('refuses a body that is not UTF-8', async (t) => {
    const { port } = await startApi(t)
    const socket = await openSocket(t, port)
    socket.send(putText('', 4))
    socket.socket.write(Buffer.from([0x22, 0xff, 0xfe, 0x22]))
    await waitFor(() => socket.statuses.length === 1, { message: 'an answer' })
    assert.match(socket.received, /INVALID_JSON/)
  })

  it('goes on when a client leaves in the middle of its body', async (t) => {
    const { port, url } = await startApi(t)
    const socket = await openSocket(t, port)
    socket.send(putText('{"node_name":', 1000))
    socket.socket.destroy()
    await waitFor(() => socket.isClosed, { message: 'the end of the connection' })
    assert.equal((await call(url, '/livez')).status, 200)
  })

  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'nonsense', undefined]) {
    it(`answers a body of content type ${type} with 415`, async (t) => {
      const { port } = await startApi(t)
      const socket = await openSocket(t, port)
      const header = type === undefined ? '' : `Content-Type: ${type}\r\n`
      socket.send(`PUT /nodes/a HTTP/1.1\r\nHost: a\r\n${header}Content-Length: 2\r\n\r\n{}${GET}`)
      await waitFor(() => socket.statuses.length === 2, { message: 'both answers' })
      assert.deepEqual(socket.statuses, [415, 200])
      assert.match(socket.received, /"code":"UNSUPPORTED_MEDIA_TYPE"/)
    })
  }

  it('lets a DELETE say that it sends JSON and send none', async (t) => {
    const { url } = await startApi(t)
    await call(url, '/nodes/a', { method: 'PUT', body: {} })
    const headers = { 'content-type': 'application/json' }
    assert.equal((await call(url, '/nodes/a', { method: 'DELETE', headers })).status, 200)
  })
})

describe('HTTP API against bad paths', () => {
  const cases: [string, string, number, string][] = [
    ['__proto__', '/nodes/__proto__', 400, 'INVALID_ID'],
    ['an encoded slash', '/nodes/a%2Fb', 400, 'INVALID_ID'],
    ['an encoded dot-dot', '/nodes/%2e%2e', 400, 'INVALID_ID'],
    ['an encoded NUL', '/nodes/a%00', 400, 'INVALID_ID'],
    ['an encoded line feed', '/nodes/a%0Ab', 400, 'INVALID_ID'],
    ['a right-to-left override', '/nodes/a%E2%80%AEb', 400, 'INVALID_ID'],
    ['257 characters', `/nodes/${'a'.repeat(257)}`, 400, 'INVALID_ID'],
    ['5 000 characters', `/nodes/${'a'.repeat(5000)}`, 400, 'INVALID_ID'],
    ['a bad escape', '/nodes/%zz', 400, 'INVALID_URL'],
    ['an escape that is not UTF-8', '/nodes/%ff', 400, 'INVALID_URL'],
    ['a filter given twice', '/nodes?country=nz&country=au', 400, 'INVALID_QUERY'],
    ['an empty filter', '/nodes?country=', 400, 'INVALID_QUERY'],
    ['an unknown route', '/nope', 404, 'ROUTE_NOT_FOUND'],
    ['an empty id', '/nodes/', 400, 'INVALID_ID'],
  ]
  for (const [what, path, status, code] of cases) {
    it(`answers ${what} with ${status} ${code}`, async (t) => {
      const { url } = await startApi(t)
      const answer = await call(url, path)
      assert.equal(answer.status, status)
      assert.equal(answer.json.code, code)
      assert.equal(typeof answer.json.error, 'string')
      assert.match(answer.headers['content-type'] ?? '', /^application\/json/)
    })
  }

  it('answers methods it does not have with 404, and OPTIONS without leave for other sites', async (t) => {
    const { url } = await startApi(t)
    for (const method of ['POST', 'PATCH', 'OPTIONS', 'TRACE']) {
      const answer = await call(url, '/nodes', { method })
      assert.equal(answer.status, 404, method)
      assert.equal(answer.json.code, 'ROUTE_NOT_FOUND')
      assert.equal(answer.headers['access-control-allow-origin'], undefined)
    }
  })

  it('answers HEAD as GET, without the body', async (t) => {
    const { url } = await startApi(t)
    const head = await call(url, '/nodes', { method: 'HEAD' })
    const get = await call(url, '/nodes')
    assert.equal(head.status, 200)
    assert.equal(head.text, '')
    assert.equal(head.headers['content-length'], get.headers['content-length'])
  })
})

describe('HTTP API against bad connections', () => {
  it('answers pipelined requests in order', async (t) => {
    const { port } = await startApi(t)
    const socket = await openSocket(t, port)
    const requests = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? GET : putText('{')))
    socket.send(requests.join(''))
    await waitFor(() => socket.statuses.length === 40, { message: '40 answers' })
    assert.deepEqual(
      socket.statuses,
      requests.map((_, i) => (i % 2 === 0 ? 200 : 400)),
    )
  })

  const closers: [string, string, number, string][] = [
    ['bytes that are no HTTP', 'hello there\r\n\r\n', 400, 'INVALID_REQUEST'],
    ['a method that is none', 'FETCH /livez HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'INVALID_REQUEST'],
    [
      'headers beyond 16 KB',
      `GET /livez HTTP/1.1\r\nHost: a\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`,
      431,
      'HEADERS_TOO_LARGE',
    ],
    ['headers that never end', 'GET /livez HTTP/1.1\r\nHost: a\r\n', 408, 'REQUEST_TIMEOUT'],
    ['a body that never ends', putText('{', 100), 408, 'REQUEST_TIMEOUT'],
  ]
  for (const [what, request, status, code] of closers) {
    it(`answers ${what} with ${status} ${code}, closes and counts it`, async (t) => {
      const { port, url } = await startApi(t, { limits: SLOW })
      const socket = await openSocket(t, port)
      socket.send(request)
      await waitFor(() => socket.isClosed, { message: 'the end of the connection' })
      assert.deepEqual(socket.statuses, [status])
      const body = JSON.parse(socket.received.split('\r\n\r\n')[1] ?? '')
      assert.equal(body.code, code)
      const metrics = await call(url, '/metrics')
      assert.match(metrics.text, new RegExp(`wesense_api_errors_total\\{code="${code}"\\} 1`))
    })
  }

  it('closes a connection on which nothing comes', async (t) => {
    const { port } = await startApi(t, { limits: { idleTimeoutMs: 150 } })
    const socket = await openSocket(t, port)
    await waitFor(() => socket.isClosed, { message: 'the end of the connection' })
  })

  it('closes a connection whose client does not read its answer', async (t) => {
    const { port, url, registry } = await startApi(t, { limits: { idleTimeoutMs: 200 } })
    registry.addForeign('other', 'nodes', 'huge', { node_name: 'x'.repeat(30e6) })
    const socket = await openSocket(t, port)
    socket.socket.pause()
    socket.send('GET /nodes HTTP/1.1\r\nHost: a\r\n\r\n')
    const isAlone = async () =>
      (await call(url, '/metrics')).text.includes('wesense_api_connections 1\n')
    await waitFor(async () => !(await isAlone()), { message: 'its connection to be counted' })
    await waitFor(isAlone, { message: 'its connection to be cut' })
  })

  it('takes no more connections than its cap and more once some are gone', async (t) => {
    const { port, url } = await startApi(t, { limits: { maxConnections: 3 } })
    const sockets = []
    for (let i = 0; i < 3; i++) sockets.push(await openSocket(t, port))
    const surplus = await openSocket(t, port)
    await waitFor(() => surplus.isClosed, { message: 'the fourth connection to be refused' })
    assert.deepEqual(
      sockets.map(({ isClosed }) => isClosed),
      [false, false, false],
    )
    for (const { socket } of sockets) socket.destroy()
    await waitFor(async () => (await call(url, '/livez')).status === 200, {
      message: 'an answer once there is room',
    })
  })
})

describe('HTTP API over a registry in trouble', () => {
  const failures: [string, number, string][] = [
    ['INVALID_RECORD', 400, 'INVALID_RECORD'],
    ['TOO_LARGE', 413, 'RECORD_TOO_LARGE'],
    ['READ_ONLY', 503, 'READ_ONLY'],
    ['CLOSED', 503, 'CLOSED'],
    ['CLOCK_AHEAD', 503, 'CLOCK_AHEAD'],
    ['BUSY', 503, 'REGISTRY_TIMEOUT'],
    ['LEVEL_IO_ERROR', 500, 'INTERNAL'],
  ]
  for (const [failure, status, code] of failures) {
    it(`answers its ${failure} with ${status} ${code}`, async (t) => {
      const { url, registry } = await startApi(t)
      registry.failure = new FakeRegistryError(failure, 'node_name must be nicer: secret detail')
      const answer = await call(url, '/nodes/a', { method: 'PUT', body: {} })
      assert.equal(answer.status, status)
      assert.equal(answer.json.code, code)
      assert.equal(answer.json.error.includes('secret detail'), status < 500)
    })
  }

  it('names the owner that a refusal names among its facts', async (t) => {
    const { url, registry } = await startApi(t)
    registry.failure = new FakeRegistryError('OWNED_BY_OTHER', 'x', { owner: 'their-peer-id' })
    const answer = await call(url, '/nodes/a', { method: 'PUT', body: {} })
    assert.equal(answer.json.owner, 'their-peer-id')
  })

  it('answers for one manifest without a look at the others', async (t) => {
    const { url, registry } = await startApi(t)
    const body = { ingester_id: 'i', signature: 's' }
    const list = t.mock.method(registry.view, 'list')
    t.mock.method(registry.view, 'attestationsOf', () => [])
    await call(url, '/attestations/a', { method: 'PUT', body })
    for (const path of ['/attestations/a', '/attestations/a/consensus']) await call(url, path)
    assert.equal(list.mock.callCount(), 0)
  })

  it('answers 503 when a write does not end in time', async (t) => {
    const { url, registry } = await startApi(t, { limits: { registryTimeoutMs: 50 } })
    t.mock.method(registry.writer, 'put', () => new Promise(() => {}))
    const answer = await call(url, '/nodes/a', { method: 'PUT', body: {} })
    assert.equal(answer.status, 503)
    assert.equal(answer.json.code, 'REGISTRY_TIMEOUT')
  })
})
