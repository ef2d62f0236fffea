import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'

import { limitPipelining } from '../../../src/api/http/pipelining.ts'
import { EVERY_REQUEST } from '../../../src/lib/every-request.ts'
import { startApi } from '../../support/api.ts'
import { startPublicApi } from '../../support/public-api.ts'
import { waitFor } from '../../support/wait-for.ts'

const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
/** Node 24 answers these itself, unless it is told not to. */
const OWN_ANSWERS = [
  ['without a Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['that expect too much', 'GET / HTTP/1.1\r\nHost: x\r\nExpect: x\r\n\r\n', 417],
] as const

async function open(t: TestContext, port: number): Promise<{ socket: Socket; text: () => string }> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.on('error', () => {})
  socket.on('data', (bytes) => {
    text += bytes
  })
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return { socket, text: () => text }
}

/** A server that answers when the test says so. */
async function start(t: TestContext, isExempt = false) {
  const asked: ServerResponse[] = []
  const time = { ms: 0 }
  const server: Server = createServer(EVERY_REQUEST, (_, response) => asked.push(response))
  limitPipelining(server, { isExempt: () => isExempt, clock: { now: () => time.ms } })
  server.listen(0, '127.0.0.1')
  t.after(() => server.close().closeAllConnections())
  await once(server, 'listening')
  const come = () => open(t, (server.address() as AddressInfo).port)
  return { asked, time, come, ...(await come()) }
}

describe('requests on one socket', () => {
  it('that wait for their answers are eight at most', async (t) => {
    const { asked, socket } = await start(t)
    socket.write(REQUEST.repeat(8))
    await waitFor(() => asked.length === 8, { message: 'eight came' })
    assert.equal(socket.destroyed, false)
    socket.write(REQUEST)
    await waitFor(() => socket.destroyed, { message: 'the ninth ends it' })
    assert.equal(asked.length, 8)
  })

  for (const [who, isExempt] of [
    ['their caller', false],
    ['a trusted proxy', true],
  ] as const) {
    it(`keep ${who} ${isExempt ? 'not out at all' : 'out for ten seconds'} when they are too many`, async (t) => {
      const { asked, time, come, socket } = await start(t, isExempt)
      socket.write(REQUEST.repeat(9))
      await waitFor(() => socket.destroyed, { message: 'they end it' })
      asked.length = 0
      const isServed = async () => {
        const { socket: next } = await come()
        next.write(REQUEST)
        await waitFor(() => next.destroyed || asked.length > 0, { message: 'served or not' })
        return asked.length > 0
      }
      assert.equal(await isServed(), isExempt)
      time.ms += 10_000
      assert.equal(await isServed(), true)
    })
  }

  for (const [what, request] of OWN_ANSWERS) {
    it(`${what} count like others`, async (t) => {
      const { asked, come, socket } = await start(t)
      socket.write(request.repeat(9))
      await waitFor(() => socket.destroyed, { message: 'they end it' })
      const { socket: next } = await come()
      next.write(REQUEST)
      await waitFor(() => next.destroyed, { message: 'their caller is kept out' })
      assert.equal(asked.length, 0)
    })

    it(`${what} count at the public listener, too`, async (t) => {
      const { port } = await startPublicApi(t)
      const { socket } = await open(t, port)
      socket.write(request.repeat(9))
      await waitFor(() => socket.destroyed, { message: 'they end it' })
      const { socket: next, text } = await open(t, port)
      next.write(REQUEST)
      await waitFor(() => next.destroyed, { message: 'their caller is kept out' })
      assert.equal(text(), '')
    })
  }

  it('may go on for ever, one after the other', async (t) => {
    const { asked, socket, text } = await start(t)
    for (let count = 1; count <= 30; count += 1) {
      socket.write(REQUEST)
      await waitFor(() => asked.length === count, { message: 'it came' })
      asked.at(-1)?.end('yes')
      await waitFor(() => text().split('yes').length === count + 1, { message: 'it is answered' })
    }
  })

  for (const [which, listen] of [
    ['the API', async (t: TestContext) => (await startApi(t)).port],
    ['the public listener', async (t: TestContext) => (await startPublicApi(t)).port],
  ] as const) {
    it(`by the hundred end it at ${which}, and few of them are looked at`, async (t) => {
      const { socket, text } = await open(t, await listen(t))
      let isClosed = false
      socket.on('close', () => {
        isClosed = true
      })
      socket.write(REQUEST.repeat(500))
      await waitFor(() => isClosed, { message: 'the socket is closed' })
      assert.ok(text().split('HTTP/1.1 ').length <= 9)
    })

    for (const [what, request, status] of OWN_ANSWERS) {
      it(`${what} are answered with ${status} at ${which}`, async (t) => {
        const { socket, text } = await open(t, await listen(t))
        socket.write(request)
        await waitFor(() => text() !== '', { message: 'the answer' })
        assert.match(text(), new RegExp(`^HTTP/1\\.1 ${status} `))
      })
    }
  }
})
