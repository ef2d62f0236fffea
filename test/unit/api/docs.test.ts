import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'

import { call, startApi } from '../../support/api.ts'

const DOCS = new URL('../../../docs/http-api.md', import.meta.url)
const TIME = /\d{4}-\d\d-\d\dT[\d:.]+Z/g

interface Example {
  readonly method: string
  readonly path: string
  readonly body: unknown
  readonly status: number
  readonly answer: unknown
}

/** Blocks of `METHOD path`, a body if any, an empty line, the status and the answer. */
function parseExamples(markdown: string): Example[] {
  return [...markdown.matchAll(/```http\n(\w+) (\S+)\n(.*?)\n?\n(\d{3})\n(.*?)```/gs)].map(
    ([, method = '', path = '', body = '', status, answer = '']) => ({
      method,
      path,
      body: body.trim() === '' ? undefined : JSON.parse(body),
      status: Number(status),
      answer: JSON.parse(answer),
    }),
  )
}

const withoutTimes = (json: unknown) => JSON.parse(JSON.stringify(json).replace(TIME, 'a time'))

describe('docs/http-api.md', () => {
  it('has examples that a station answers as it says', async (t) => {
    const markdown = await readFile(DOCS, 'utf8')
    const examples = parseExamples(markdown)
    assert.equal(examples.length, markdown.split('```http').length - 1)
    const { url } = await startApi(t)
    for (const { method, path, body, status, answer } of examples) {
      const actual = await call(url, path, { method, body })
      assert.equal(actual.status, status, `${method} ${path}`)
      assert.deepEqual(withoutTimes(actual.json), withoutTimes(answer), `${method} ${path}`)
    }
  })

  it('names every route', async (t) => {
    const markdown = await readFile(DOCS, 'utf8')
    const { url } = await startApi(t)
    const { paths } = (await call(url, '/openapi.json')).json
    for (const [path, operations] of Object.entries<object>(paths)) {
      const pattern = path.replace(/\{(\w+)\}/g, ':$1')
      for (const method of Object.keys(operations)) {
        const name = `${method.toUpperCase()} ${pattern}`
        assert.match(markdown, new RegExp(`\`${name}(\\?[^\`]*)?\``), `${name} is not described`)
      }
    }
  })
})
