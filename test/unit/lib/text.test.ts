import assert from 'node:assert/strict'
import { test } from 'node:test'

import { escapeRemote } from '../../../src/lib/text.ts'

test('line breaks, terminal escapes and direction overrides are escaped', () => {
  assert.equal(escapeRemote('a\nb\u001b[2Jc\u202ed'), 'a\\u{a}b\\u{1b}[2Jc\\u{202e}d')
})

test('ordinary text of any script stays as it is', () => {
  assert.equal(escapeRemote('Tāmaki Makaurau 東京 №1'), 'Tāmaki Makaurau 東京 №1')
})

test('text beyond the limit is cut and marked', () => {
  assert.equal(escapeRemote('x'.repeat(200), 10), `${'x'.repeat(10)}…`)
})
