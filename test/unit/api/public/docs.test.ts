import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'

import { PUBLIC_ERRORS } from '../../../../src/api/public/errors.ts'
import { call } from '../../../support/api.ts'
import { startPublicApi } from '../../../support/public-api.ts'

const DOCS = new URL('../../../../docs/public-api.md', import.meta.url)

/** Blocks of `GET path`, an empty line, the status and the answer. */
function parseExamples(markdown: string) {
  return [...markdown.matchAll(/```http\nGET (\S+)\n\n(\d{3})\n(.*?)```/gs)].map(
    ([, path = '', status, answer = '']) => ({
      path,
      status: Number(status),
      answer: JSON.parse(answer),
    }),
  )
}

describe('docs/public-api.md', async () => {
  const markdown = await readFile(DOCS, 'utf8')

  it('has examples that a node answers as it says', async (t) => {
    const examples = parseExamples(markdown)
    assert.equal(examples.length, markdown.split('```http').length - 1)
    const { url } = await startPublicApi(t)
    for (const { path, status, answer } of examples) {
      const actual = await call(url, path)
      assert.equal(actual.status, status, path)
      assert.deepEqual(actual.json, answer, path)
    }
  })

  it('explains every error code with its status, and no other', () => {
    const rows = [...markdown.matchAll(/^\| `([A-Z_]+)` \| (\d{3}) \|/gm)]
    const documented = Object.fromEntries(rows.map(([, code, status]) => [code, Number(status)]))
    assert.deepEqual(documented, { ...PUBLIC_ERRORS })
  })
})
