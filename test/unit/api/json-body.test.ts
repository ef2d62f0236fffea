import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { call, startApi } from '../../support/api.ts'

describe('a body that is not taken', () => {
  const bodies: [string, string][] = [
    ['{"__proto__":{}}', 'the body has the key "__proto__", which is refused'],
    ['{"regions":[{"__pr\\u006fto__":1}]}', 'the body has the key "__proto__", which is refused'],
    [
      '{"constructor":{"prototype":1}}',
      'the body has the key "constructor.prototype", which is refused',
    ],
    ['{"__proto__":', 'the body is not valid JSON in UTF-8'],
    [
      `{"__proto__":${'['.repeat(40_000)}${']'.repeat(40_000)}}`,
      'the body is not valid JSON in UTF-8',
    ],
  ]
  for (const [body, error] of bodies) {
    it(`says why: ${body.slice(0, 40)}`, async (t) => {
      const { url } = await startApi(t)
      const headers = { 'content-type': 'application/json' }
      const answer = await call(url, '/nodes/a', { method: 'PUT', headers, body })
      assert.deepEqual([answer.status, answer.json], [400, { error, code: 'INVALID_JSON' }])
    })
  }

  it('is none where the words are values', async (t) => {
    const { url } = await startApi(t)
    const headers = { 'content-type': 'application/json' }
    const body = '{"node_name":"__proto__","source":"constructor"}'
    const answer = await call(url, '/nodes/a', { method: 'PUT', headers, body })
    assert.equal(answer.status, 200)
  })
})
