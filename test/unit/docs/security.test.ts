import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const DOCUMENT = readFileSync(join(ROOT, 'docs', 'security.md'), 'utf8')
/** `test/unit/a.test.ts`: "title" */
const NAMED = /`(test\/[\w./-]+)`: "([^"]*)"/g

interface NamedTest {
  readonly file: string
  readonly title: string
}

function namedTests(text: string): NamedTest[] {
  return [...text.matchAll(NAMED)].map(([, file = '', title = '']) => ({ file, title }))
}

/** null when the file has a test or a group of that title, else what is wrong. */
function problemOf({ file, title }: NamedTest): string | null {
  const path = join(ROOT, file)
  if (!existsSync(path)) return `there is no ${file}`
  const escaped = title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const call = new RegExp(`\\b(?:it|test|describe)\\(\\s*(['"\`])${escaped}\\1`)
  return call.test(readFileSync(path, 'utf8')) ? null : `${file} has no test "${title}"`
}

/** The rows of all tables whose last column is called "test". */
function rowsWithTests(text: string): string[] {
  const rows: string[] = []
  let isInside = false
  for (const line of text.split('\n')) {
    if (!line.startsWith('|')) isInside = false
    else if (/\| test \|$/.test(line)) isInside = true
    else if (isInside && !/^\|[-|]+$/.test(line)) rows.push(line)
  }
  return rows
}

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
