import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'

import Fastify from 'fastify'
import type { RouteContext } from '../../../src/api/routes/context.ts'
import { createSnapshotRoute } from '../../../src/api/routes/registry-snapshot.ts'
import { RegistryError } from '../../../src/registry/index.ts'
import { call, startApi } from '../../support/api.ts'
import { waitFor } from '../../support/wait-for.ts'

const PIECES = ['one ', 'two ', 'three']

async function* pieces(): AsyncGenerator<Uint8Array> {
  for (const text of PIECES) yield Buffer.from(text)
}

test('the snapshot comes as it is made, as a CAR', async (t) => {
  const { url } = await startApi(t, {}, { snapshot: pieces })
  const answer = await call(url, '/registry/snapshot')
  assert.deepEqual([answer.status, answer.text], [200, PIECES.join('')])
  assert.equal(answer.headers['content-type'], 'application/vnd.ipld.car')
})

test('a second snapshot waits for its turn, and gets one after the first', async (t) => {
  const gate = Promise.withResolvers<void>()
  let made = 0
  async function* slow(): AsyncGenerator<Uint8Array> {
    made += 1
    yield Buffer.from('first')
    await gate.promise
  }
  const { url } = await startApi(t, {}, { snapshot: slow })
  const first = call(url, '/registry/snapshot')
  await waitFor(() => made === 1, { message: 'the first is being made' })
  const second = await call(url, '/registry/snapshot')
  assert.deepEqual([second.status, second.json.code], [429, 'RATE_LIMITED'])
  assert.equal(second.headers['retry-after'], '10')
  gate.resolve()
  assert.equal((await first).text, 'first')
  assert.equal((await call(url, '/registry/snapshot')).status, 200)
})

test('a snapshot that fails on its way breaks off, and the next one is made', async (t) => {
  let isFailing = true
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(100_000)
    if (isFailing) throw new Error('a block went away')
  }
  const { url } = await startApi(t, {}, { snapshot: failing })
  await assert.rejects(fetch(`${url}/registry/snapshot`).then((answer) => answer.arrayBuffer()))
  isFailing = false
  await waitFor(async () => (await call(url, '/registry/snapshot')).status === 200, {
    message: 'the next snapshot',
  })
})

test('a caller without access gets none', async (t) => {
  const options = { host: '127.0.0.1', allowedHosts: [] }
  const { url } = await startApi(t, options, { snapshot: pieces })
  const answer = await call(url, '/registry/snapshot', { headers: { host: 'evil.example.com' } })
  assert.equal(answer.status, 403)
})

test('a registry that is closed answers so, and not with the beginning of a file', async (t) => {
  const isOpen = false
  async function* closed(): AsyncGenerator<Uint8Array> {
    if (!isOpen) throw new RegistryError('CLOSED', 'the registry is not open')
    yield* pieces()
  }
  const { url } = await startApi(t, {}, { snapshot: closed })
  const answer = await call(url, '/registry/snapshot')
  assert.deepEqual([answer.status, answer.json.code], [503, 'CLOSED'])
  assert.match(answer.headers['content-type'] ?? '', /^application\/json/)
})

test('a client that reads nothing is hung up on, and the next one has its turn', async (t) => {
  let isEnded = false
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.alloc(65_536)
    } finally {
      isEnded = true
    }
  }
  let asked = 0
  const snapshot = () => {
    asked += 1
    return asked === 1 ? endless() : pieces()
  }
  const app = Fastify()
  t.after(() => app.close())
  createSnapshotRoute(100)(app, { snapshot } as unknown as RouteContext)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  socket.pause()
  socket.write('GET /registry/snapshot HTTP/1.1\r\nhost: a\r\n\r\n')
  await waitFor(() => isEnded, { message: 'the export to be given up' })
  const next = await fetch(`${url}/registry/snapshot`)
  assert.deepEqual([next.status, await next.text()], [200, PIECES.join('')])
})
