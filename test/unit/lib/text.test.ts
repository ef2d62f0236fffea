import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { escapeRemote, flat } from '../../../src/lib/text.ts'

test('line breaks, terminal escapes and direction overrides are escaped', () => {
  assert.equal(escapeRemote('a\nb\u001b[2Jc\u202ed'), 'a\\u{a}b\\u{1b}[2Jc\\u{202e}d')
})

test('ordinary text of any script stays as it is', () => {
  assert.equal(escapeRemote('Tāmaki Makaurau 東京 №1'), 'Tāmaki Makaurau 東京 №1')
})

test('text beyond the limit is cut and marked', () => {
  assert.equal(escapeRemote('x'.repeat(200), 10), `${'x'.repeat(10)}…`)
})

test('flat text is the same text, and keeps no rope', () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const names: string[] = []
  collect()
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < 5000; n++) {
    let name = ''
    for (const digit of String(n).padStart(49, '0')) name += digit
    names.push(flat(name))
  }
  collect()
  const each = (process.memoryUsage().heapUsed - before) / names.length
  assert.equal(names[4321], '4321'.padStart(49, '0'))
  assert.ok(each < 250, `${each.toFixed(0)} bytes a name`)
})
