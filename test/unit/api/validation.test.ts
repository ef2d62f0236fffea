import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as Type from 'typebox'

import { HttpError } from '../../../src/api/errors.ts'
import { validatorCompiler } from '../../../src/api/http/validation.ts'
import { attestationBodySchema } from '../../../src/api/schemas/attestation.ts'
import { idParamsSchema } from '../../../src/api/schemas/common.ts'
import { nodeBodySchema } from '../../../src/api/schemas/node.ts'
import { trustBodySchema } from '../../../src/api/schemas/trust.ts'

function check(schema: Type.TSchema, value: unknown, httpPart = 'body'): HttpError | null {
  const validate = validatorCompiler({ schema, httpPart, method: 'PUT', url: '/' })
  const result: unknown = validate(value)
  assert.ok(typeof result === 'object' && result !== null)
  if (!('error' in result)) return null
  assert.ok(result.error instanceof HttpError)
  return result.error
}

describe('what is wrong with a request', () => {
  const cases: [string, Type.TSchema, unknown, string][] = [
    ['INVALID_RECORD', nodeBodySchema, [], 'the body must be a JSON object'],
    [
      'INVALID_RECORD',
      nodeBodySchema,
      { node_name: {} },
      'node_name must be text, a number, true or false',
    ],
    ['INVALID_RECORD', nodeBodySchema, { regions: 'nz' }, 'regions must be a list'],
    ['INVALID_RECORD', nodeBodySchema, { regions: ['nz', 1] }, 'regions[1] must be text'],
    [
      'INVALID_RECORD',
      nodeBodySchema,
      { regions: ['x'.repeat(65)] },
      'regions[0] must have at most 64 characters',
    ],
    [
      'INVALID_RECORD',
      nodeBodySchema,
      { store_scope: Array(51).fill('nz') },
      'store_scope must have at most 50 elements',
    ],
    ['INVALID_RECORD', trustBodySchema, { status: 'x' }, 'status must be one of: active, revoked'],
    ['INVALID_ID', idParamsSchema, { id: 'x'.repeat(257) }, 'id must have at most 256 characters'],
    ['INVALID_ID', idParamsSchema, { id: '' }, 'id must not be empty'],
    [
      'INVALID_ID',
      idParamsSchema,
      { id: 'a b' },
      'id must start with a letter or digit and hold only A-Z a-z 0-9 : . _ @ + ~ -',
    ],
    ['INVALID_QUERY', Type.Object({ country: Type.String() }), {}, 'country is missing'],
    ['INVALID_RECORD', attestationBodySchema, {}, 'ingester_id and signature are missing'],
    ['INVALID_QUERY', Type.Object({ n: Type.Integer({ minimum: 1 }) }), { n: 0 }, 'n must be >= 1'],
  ]
  const parts: Record<string, string> = { INVALID_ID: 'params', INVALID_QUERY: 'querystring' }
  for (const [code, schema, value, sentence] of cases) {
    it(`reads "${sentence}"`, () => {
      const error = check(schema, value, parts[code])
      assert.equal(error?.message, sentence)
      assert.equal(error.code, code)
    })
  }

  it('is nothing when the value fits, which stays as it is', () => {
    assert.equal(check(nodeBodySchema, { node_name: null, uptime: 1.5, other: [] }), null)
    assert.equal(check(trustBodySchema, { key_version: '1' }), null)
  })
})
