import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'

import { guardConnections } from '../../../src/api/http/connection-guard.ts'
import { openSocket, startApi } from '../../support/api.ts'
import { waitFor } from '../../support/wait-for.ts'

const KNOWN = '127.0.0.1'

/** A server that knows 127.0.0.1; every other address of loopback is a stranger. */
async function guarded(t: TestContext) {
  const refused = { count: 0 }
  const server = createServer((_request, response) => response.end('hello'))
  guardConnections(server, {
    maxStrangers: 5,
    maxPerCaller: 4,
    maxPerStranger: 2,
    isKnown: (address) => address === KNOWN,
    onRefused: () => {
      refused.count += 1
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const { port } = address
  const open = async (from: string, count: number): Promise<Socket[]> => {
    const sockets = Array.from({ length: count }, () => {
      const socket = connect({ host: '127.0.0.1', port, localAddress: from })
      t.after(() => socket.destroy())
      return socket.on('error', () => {})
    })
    await Promise.all(sockets.map((one) => new Promise((resolve) => one.once('connect', resolve))))
    return sockets
  }
  const isServed = (from: string) =>
    new Promise<boolean>((resolve) => {
      const options = { host: '127.0.0.1', port, localAddress: from, agent: false }
      const call = httpRequest(options, (response) => {
        response.resume()
        resolve(true)
      })
      call.on('error', () => resolve(false)).end()
    })
  return { open, isServed, refused }
}

const ended = (sockets: readonly Socket[]) => sockets.filter(({ closed }) => closed).length

describe('connections to the API', () => {
  it('are closed at once beyond what one stranger may hold, and others are served', async (t) => {
    const { open, isServed, refused } = await guarded(t)
    const sockets = await open('127.0.0.2', 6)
    await waitFor(() => ended(sockets) === 4, { message: 'four to be closed' })
    assert.equal(refused.count, 4)
    assert.equal(await isServed('127.0.0.2'), false)
    assert.equal(await isServed('127.0.0.3'), true)
    assert.equal(await isServed(KNOWN), true)
  })

  it('are left to known callers when strangers hold theirs', async (t) => {
    const { open, isServed } = await guarded(t)
    for (const from of ['127.0.0.2', '127.0.0.3', '127.0.0.4']) await open(from, 2)
    assert.equal(await isServed('127.0.0.5'), false)
    assert.equal(await isServed(KNOWN), true)
  })

  it('are not all of one known caller either', async (t) => {
    const { open } = await guarded(t)
    const sockets = await open(KNOWN, 7)
    await waitFor(() => ended(sockets) === 3, { message: 'three to be closed' })
  })

  it('are free again once they are closed', async (t) => {
    const { open } = await guarded(t)
    const areBothFree = async () => {
      const sockets = await open('127.0.0.2', 2)
      const answers = sockets.map(async (socket) => {
        socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        await Promise.race([once(socket, 'data'), once(socket, 'close')])
        return socket.bytesRead > 0
      })
      const areServed = (await Promise.all(answers)).every((isServed) => isServed)
      for (const socket of sockets) socket.destroy()
      return areServed
    }
    for (let round = 0; round < 3; round++) {
      await waitFor(areBothFree, { message: 'both places of a stranger' })
    }
  })
})

describe('the server of the API', () => {
  it('counts what it closes at once', async (t) => {
    const { port, components } = await startApi(t, { limits: { maxConnectionsPerCaller: 2 } })
    const sockets = [
      await openSocket(t, port),
      await openSocket(t, port),
      await openSocket(t, port),
    ]
    await waitFor(() => sockets.filter(({ isClosed }) => isClosed).length === 1, {
      message: 'the third to be closed',
    })
    assert.match(await components.metricsText(), /^wesense_api_connections_refused_total 1$/m)
  })

  it('closes a socket that sends nothing, or its headers a byte at a time', async (t) => {
    const { port } = await startApi(t, { limits: { headersTimeoutMs: 300, checkIntervalMs: 100 } })
    const silent = await openSocket(t, port)
    const slow = await openSocket(t, port)
    slow.send('GET /nodes HTTP/1.1\r\nHost: a\r\n')
    const drip = setInterval(() => slow.send('x'), 50)
    t.after(() => clearInterval(drip))
    await waitFor(() => silent.isClosed && slow.isClosed, { message: 'both to be closed' })
    assert.deepEqual(slow.statuses, [408])
  })

  it('closes a socket whose body does not end in time', async (t) => {
    const { port } = await startApi(t, {
      limits: { headersTimeoutMs: 200, requestTimeoutMs: 300, checkIntervalMs: 100 },
    })
    const slow = await openSocket(t, port)
    slow.send('PUT /nodes/a HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n')
    slow.send('Content-Length: 1000\r\n\r\n{')
    const drip = setInterval(() => slow.send(' '), 50)
    t.after(() => clearInterval(drip))
    await waitFor(() => slow.isClosed, { message: 'it to be closed' })
    assert.deepEqual(slow.statuses, [408])
  })

  it('closes a socket that was used for long enough and goes on', async (t) => {
    const { port } = await startApi(t, { limits: { maxRequestsPerSocket: 3 } })
    const socket = await openSocket(t, port)
    for (const count of [1, 2, 3]) {
      socket.send('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n')
      await waitFor(() => socket.statuses.length === count, { message: `answer ${count}` })
    }
    assert.match(socket.received, /\r\nConnection: close\r\n/)
    socket.send('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n')
    await waitFor(() => socket.isClosed, { message: 'it to be closed' })
    assert.equal(socket.statuses.filter((status) => status === 200).length, 3)
  })

  it('closes a socket that nobody uses between two requests', async (t) => {
    const { port } = await startApi(t, { limits: { keepAliveTimeoutMs: 100 } })
    const socket = await openSocket(t, port)
    socket.send('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n')
    await waitFor(() => socket.isClosed, { message: 'it to be closed', timeoutMs: 5_000 })
    assert.deepEqual(socket.statuses, [200])
  })
})
