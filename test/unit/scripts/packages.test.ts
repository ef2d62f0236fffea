import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bundledPackages } from '../../../scripts/packages/bundled.ts'
import { isAllowed, licenceProblems, shippedPackages } from '../../../scripts/packages/licences.ts'
import { type LockEntry, lockProblems, packageName } from '../../../scripts/packages/lock-file.ts'

const DIGEST = `sha512-${'A'.repeat(86)}==`
const none = new Set<string>()

function problemsOf(entry: LockEntry, allowed: ReadonlySet<string> = none): string[] {
  const good = { version: '1.0.0', integrity: DIGEST, license: 'MIT' }
  return lockProblems({ '': {}, 'node_modules/a': { ...good, ...entry } }, allowed)
}

describe('the check of the lock file', () => {
  it('lets a pinned package of the registry pass', () => {
    assert.deepEqual(problemsOf({}), [])
  })

  it('refuses one without a digest, and one with a weak digest', () => {
    assert.match(problemsOf({ integrity: '' })[0] ?? '', /a has no sha512 digest/)
    assert.match(problemsOf({ integrity: 'sha1-AAAA' })[0] ?? '', /a has no sha512 digest/)
  })

  it('refuses what does not come from the registry', () => {
    const elsewhere = [
      'git+ssh://git@github.com/a/a.git#0123456',
      'http://mirror.example.org/a/-/a-1.0.0.tgz',
      'file:../a.tgz',
      'https://evil.example/a.tgz',
    ]
    for (const resolved of elsewhere) {
      assert.deepEqual(problemsOf({ resolved }), [
        `node_modules/a comes from ${resolved}, not from the registry`,
      ])
    }
  })

  it('refuses a script at install that nobody allowed, and a leave that nobody needs', () => {
    const hasInstallScript = true
    assert.match(problemsOf({ hasInstallScript })[0] ?? '', /a runs a script/)
    assert.deepEqual(problemsOf({ hasInstallScript }, new Set(['a'])), [])
    assert.match(problemsOf({}, new Set(['a']))[0] ?? '', /a is in allowScripts/)
  })

  it('forgives a missing digest only to tools of platforms that are not used here', () => {
    const tool = { integrity: '', dev: true, optional: true }
    assert.deepEqual(problemsOf({ ...tool, os: ['darwin'], cpu: ['arm64'] }), [])
    assert.deepEqual(problemsOf({ ...tool, os: ['linux'], cpu: ['x64'], libc: ['musl'] }), [])
    for (const own of [
      { ...tool, os: ['linux'], cpu: ['x64'] },
      { ...tool, os: ['linux'], cpu: ['arm64'], libc: ['glibc'] },
      { ...tool, dev: false, os: ['darwin'] },
      { ...tool, optional: false, os: ['darwin'] },
      tool,
    ]) {
      assert.equal(problemsOf(own).length, 1, JSON.stringify(own))
    }
  })

  it('knows a package by its path', () => {
    assert.equal(packageName('node_modules/a/node_modules/@b/c'), '@b/c')
  })
})

describe('the check of licences', () => {
  it('allows those that ask for their notice, and a choice that has one', () => {
    for (const good of ['MIT', 'Apache-2.0 OR MIT', '(BSD-3-Clause OR GPL-2.0)', 'MIT AND ISC']) {
      assert.equal(isAllowed(good), true, good)
    }
    const refused = [
      '',
      'GPL-3.0',
      'MPL 2.0',
      'MPL-2.0',
      'MIT AND GPL-2.0',
      'UNLICENSED',
      'LGPL-2.1',
      'MITx',
    ]
    for (const bad of refused) assert.equal(isAllowed(bad), false, bad)
  })

  it('lets one under MPL pass that is known to be shipped unchanged, and no other', () => {
    const one = (name: string) => ({ name, version: '1.0.0', licence: 'MPL 2.0', paths: [] })
    assert.deepEqual(licenceProblems([one('node-datachannel')]), [])
    assert.deepEqual(licenceProblems([one('@node-datachannel/linux-x64-gnu')]), [])
    assert.deepEqual(licenceProblems([one('other')]), ['other 1.0.0: MPL 2.0'])
    const changed = { ...one('node-datachannel'), licence: 'GPL-3.0' }
    assert.deepEqual(licenceProblems([changed]), ['node-datachannel 1.0.0: GPL-3.0'])
  })

  it('looks at what is shipped, and names what may not be', () => {
    const shipped = shippedPackages({
      '': {},
      'node_modules/b': { version: '2.0.0', license: 'GPL-3.0' },
      'node_modules/a': { version: '1.0.0' },
      'node_modules/b/node_modules/a': { version: '1.0.0' },
      'node_modules/tool': { version: '1.0.0', license: 'GPL-3.0', dev: true },
      'node_modules/own': { link: true },
    })
    assert.deepEqual(
      shipped.map(({ name, paths }) => [name, paths.length]),
      [
        ['a', 2],
        ['b', 1],
      ],
    )
    assert.deepEqual(licenceProblems(shipped), ['a 1.0.0 names no licence', 'b 2.0.0: GPL-3.0'])
  })

  it('counts a package as bundled when something of it is', () => {
    const inputs = {
      'node_modules/@b/c/index.js': { bytesInOutput: 3 },
      'node_modules/a/node_modules/d/index.js': { bytesInOutput: 1 },
      'node_modules/dropped/index.js': { bytesInOutput: 0 },
      'src/main.ts': { bytesInOutput: 9 },
    }
    const outputs = { 'main.js': { bytes: 13, inputs, imports: [], exports: [] } }
    assert.deepEqual([...bundledPackages({ outputs })].sort(), [
      'node_modules/@b/c',
      'node_modules/a/node_modules/d',
      'node_modules/classic-level',
    ])
  })
})
