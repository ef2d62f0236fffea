import assert from 'node:assert/strict'
import { test } from 'node:test'

import { invalidField, readOnly, storesNotOpened } from '../../../src/registry/errors.ts'

const levelError = Object.assign(
  new Error('IO error: /data/registry/logs/000003.log: No space left on device'),
  { code: 'LEVEL_IO_ERROR' },
)

test('an error of the registry has a code, facts and its cause', () => {
  const error = invalidField('versions.1', 'must be an object')
  assert.deepEqual(
    [error.name, error.code, error.message, error.facts],
    ['RegistryError', 'INVALID_RECORD', 'versions.1 must be an object', { field: 'versions.1' }],
  )
  assert.equal(readOnly('/data', levelError).cause, levelError)
})

test('what an operator can mend is one line that says where and why', () => {
  const facts = { path: '/data/registry', reason: 'No space left on device' }
  const full = readOnly('/data/registry', levelError)
  assert.deepEqual([full.code, full.facts], ['READ_ONLY', facts])
  const wrapped = new Error('Database failed to open', { cause: levelError })
  const closed = storesNotOpened('/data/registry', wrapped)
  assert.deepEqual([closed.code, closed.facts], ['STORES_NOT_OPENED', facts])
  for (const { message } of [full, closed]) {
    assert.match(message, /\/data\/registry.*No space left on device/)
    assert.doesNotMatch(message, /\n/)
  }
  assert.equal(storesNotOpened('/data', 'odd').facts.reason, 'odd')
})

test('stores that cannot be opened are named with the file that is at fault', () => {
  const wrapped = new Error('Database failed to open', { cause: levelError })
  const ofNode = Object.assign(
    new Error("EACCES: permission denied, mkdir '/data/registry/blocks'"),
    { code: 'EACCES', syscall: 'mkdir' },
  )
  for (const [cause, what] of [
    [wrapped, 'logs/000003.log: No space left on device'],
    [ofNode, 'blocks: permission denied'],
    [new Error('odd'), 'odd'],
  ] as const) {
    assert.equal(
      storesNotOpened('/data/registry', cause).message,
      `the registry's stores in /data/registry cannot be opened: ${what}`,
    )
  }
})
