import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'

import { namedTests, problemOf, rowsWithTests } from '../../support/named-tests.ts'
import { PROJECT_ROOT } from '../../support/process.ts'

const ROWS = rowsWithTests(
  readFileSync(join(PROJECT_ROOT, 'docs', 'decisions', 'guards.md'), 'utf8'),
)
const GUARDS = 'src/network/guards'
/** `libp2p` 3.3 */
const VERSION = /`([@\w/-]+)` (\d+\.\d+)/g
/** What stands in its place keeps nothing from it. */
const NOT_INSTALLED = '@libp2p/autonat-v2'

const fileOf = (row: string) => /\]\(\.\.\/\.\.\/([\w./-]+)\)/.exec(row)?.[1] ?? ''
const librariesOf = (row: string) =>
  [...row.matchAll(VERSION)].map(([, name = '', version = '']) => ({ name, version }))

describe('docs/decisions/guards.md', () => {
  it('has a row for each file of the guards, and no file twice', () => {
    const files = ROWS.map(fileOf)
    assert.deepEqual(
      files.filter((file) => !existsSync(join(PROJECT_ROOT, file))),
      [],
    )
    assert.deepEqual(
      files.filter((file) => file.startsWith(`${GUARDS}/`)).sort(),
      readdirSync(join(PROJECT_ROOT, GUARDS))
        .map((name) => `${GUARDS}/${name}`)
        .sort(),
    )
    assert.equal(new Set(files).size, files.length)
  })

  it('names tests that are there, one at least for each', () => {
    for (const row of ROWS) {
      const tests = namedTests(row)
      assert.ok(tests.length > 0, row)
      for (const named of tests) assert.equal(problemOf(named), null)
    }
  })

  it('names the versions of libraries that are installed', () => {
    const { packages } = JSON.parse(readFileSync(join(PROJECT_ROOT, 'package-lock.json'), 'utf8'))
    const named = ROWS.flatMap(librariesOf).filter(({ name }) => name !== NOT_INSTALLED)
    assert.ok(named.length > 40, `${named.length} are named`)
    for (const { name, version } of named) {
      const installed: string = packages[`node_modules/${name}`]?.version ?? 'none'
      assert.ok(installed.startsWith(`${version}.`), `${name} ${version}, installed: ${installed}`)
    }
  })

  it('says of no guard that it can go when the guard does not', () => {
    const files = ROWS.filter((row) => librariesOf(row).length > 0).map(fileOf)
    const silent = files.filter((file) => {
      const source = readFileSync(join(PROJECT_ROOT, file), 'utf8').replace(
        /\s+(\*|\/\/)?\s*/g,
        ' ',
      )
      return !/\bcan go\b/i.test(source)
    })
    assert.deepEqual(silent, [])
  })
})
