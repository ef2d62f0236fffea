import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { isInstalled, sourcesHash } from '../../../scripts/lib/ensure.mjs'
import { tempDir } from '../../support/temp-dir.ts'

const NODE = 'node_modules/node/bin/node'
const LOCK = {
  packages: {
    '': { name: 'project' },
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/other-platform': { version: '1.0.0', optional: true },
    'node_modules/ours': { link: true },
    'stubs/ours': { version: '1.0.0' },
  },
}
const INSTALLED = {
  packages: { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' } },
}

async function project(t: TestContext, files: Record<string, unknown>): Promise<string> {
  const root = await tempDir(t)
  for (const [file, content] of Object.entries(files)) {
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    await mkdir(dirname(join(root, file)), { recursive: true })
    await writeFile(join(root, file), text)
  }
  return root
}

test('an install that matches the lock file is left alone', async (t) => {
  const root = await project(t, {
    'package-lock.json': LOCK,
    'node_modules/.package-lock.json': INSTALLED,
    [NODE]: '',
  })
  assert.equal(isInstalled(root), true)
})

const STALE: Readonly<Record<string, Record<string, unknown>>> = {
  'nothing is installed': {},
  'an install was interrupted': { [NODE]: '' },
  'a version differs': {
    [NODE]: '',
    'node_modules/.package-lock.json': {
      packages: { 'node_modules/a': { version: '1.0.1', integrity: 'sha512-a' } },
    },
  },
  'a package is missing': { [NODE]: '', 'node_modules/.package-lock.json': { packages: {} } },
  'the pinned Node is missing': { 'node_modules/.package-lock.json': INSTALLED },
}
for (const [name, files] of Object.entries(STALE)) {
  test(`it is installed again when ${name}`, async (t) => {
    assert.equal(isInstalled(await project(t, { 'package-lock.json': LOCK, ...files })), false)
  })
}

test('the digest of the sources follows their content and their names', async (t) => {
  const digestOf = async (files: Record<string, string>) => sourcesHash(await project(t, files))
  const before = await digestOf({ 'src/a.ts': '1', 'src/b/c.ts': '2' })
  assert.equal(await digestOf({ 'src/a.ts': '1', 'src/b/c.ts': '2', 'docs/x.md': '' }), before)
  assert.notEqual(await digestOf({ 'src/a.ts': '1', 'src/b/c.ts': '3' }), before)
  assert.notEqual(await digestOf({ 'src/a.ts': '1', 'src/b/d.ts': '2' }), before)
  assert.notEqual(await digestOf({ 'src/a.ts': '1' }), before)
})
