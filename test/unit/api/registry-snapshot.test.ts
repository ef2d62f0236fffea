import assert from 'node:assert/strict'
import { test } from 'node:test'

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
