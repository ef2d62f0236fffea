import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseArguments } from '../../../src/config/arguments.ts'

test("a command's own flags stay with its words", () => {
  const { words, problems } = parseArguments([
    'bans',
    'add',
    'x',
    '--for',
    '7d',
    '--why=a b',
    '--all',
  ])
  assert.deepEqual(problems, [])
  assert.deepEqual(words, ['bans', 'add', 'x', '--for', '7d', '--why', 'a b', '--all'])
})

test('one of them without its value is named', () => {
  assert.deepEqual(parseArguments(['bans', 'add', 'x', '--for']).problems, ['--for needs a value'])
})
