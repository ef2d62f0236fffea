import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'

import { namedTests, problemOf, rowsWithTests } from '../../support/named-tests.ts'
import { PROJECT_ROOT } from '../../support/process.ts'

const DOCUMENT = readFileSync(join(PROJECT_ROOT, 'docs', 'security.md'), 'utf8')

describe('docs/security.md', () => {
  it('names tests that are there', () => {
    const named = namedTests(DOCUMENT)
    assert.ok(named.length > 50, `${named.length} tests are named`)
    assert.deepEqual(
      named.map(problemOf).filter((problem) => problem !== null),
      [],
    )
  })

  it('names a test for every claim, but for who can do everything', () => {
    const without = rowsWithTests(DOCUMENT).filter((row) => namedTests(row).length === 0)
    assert.deepEqual(without.length, 1, without.join('\n'))
    assert.match(without[0] ?? '', /hosting provider/)
  })
})

describe('the check of what it names', () => {
  const file = 'test/unit/docs/security.test.ts'

  it('finds a test or a group by its whole title', () => {
    assert.equal(problemOf({ file, title: 'names tests that are there' }), null)
    assert.equal(problemOf({ file, title: 'docs/security.md' }), null)
  })

  it('notices a file and a title that are not there', () => {
    assert.match(problemOf({ file: 'test/unit/no.test.ts', title: 'x' }) ?? '', /there is no/)
    assert.match(problemOf({ file, title: 'names tests' }) ?? '', /has no test/)
    assert.match(problemOf({ file, title: '' }) ?? '', /has no test/)
  })
})
