import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'

import { HTTP_ERRORS, HttpError } from '../../../src/api/errors.ts'
import { errorReply } from '../../../src/api/http/error-reply.ts'

const DOCS = new URL('../../../docs/http-api.md', import.meta.url)

/** Rows of the errors table: | `CODE` | status | ... */
async function documentedCodes(): Promise<Record<string, number>> {
  const text = await readFile(DOCS, 'utf8')
  const section = text.split(/^## /m).find((part) => part.startsWith('Errors'))
  assert.ok(section, 'docs/http-api.md has a section "Errors"')
  const rows = [...section.matchAll(/^\| `([A-Z_]+)` \| (\d{3}) \|/gm)]
  return Object.fromEntries(rows.map(([, code, status]) => [code, Number(status)]))
}

describe('error codes', () => {
  it('are all in docs/http-api.md with their status, and no others are', async () => {
    assert.deepEqual(await documentedCodes(), { ...HTTP_ERRORS })
  })
})

describe('the answer to an error', () => {
  it('carries code, sentence and headers of our own errors', () => {
    const error = new HttpError('RATE_LIMITED', 'too many', { headers: { 'retry-after': '1' } })
    assert.deepEqual(errorReply(error), {
      status: 429,
      body: { error: 'too many', code: 'RATE_LIMITED' },
      headers: { 'retry-after': '1' },
    })
  })

  it('names the owner that a registry error has, among its facts too', () => {
    for (const facts of [{ owner: 'peer' }, { facts: { owner: 'peer' } }]) {
      const error = Object.assign(new Error('x'), { code: 'OWNED_BY_OTHER', ...facts })
      assert.equal(errorReply(error).body.owner, 'peer')
      assert.equal(errorReply(error).status, 403)
    }
  })

  it('tells nothing of an error it does not know, whatever was thrown', () => {
    for (const thrown of [new Error('/secret/path'), 'secret', null, undefined, { code: 7 }]) {
      const { status, body } = errorReply(thrown)
      assert.equal(status, 500)
      assert.equal(body.code, 'INTERNAL')
      assert.doesNotMatch(body.error, /secret/)
    }
  })
})
