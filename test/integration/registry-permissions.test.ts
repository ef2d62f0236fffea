import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'

import { tempDir } from '../support/temp-dir.ts'

const START = join(import.meta.dirname, '../support/registry-start.ts')
/** Root is bound by permissions as well without these. */
const UNBOUND = ['--bounding-set', '-dac_override,-dac_read_search']
const isRoot = process.getuid?.() === 0

/** Starts a registry as a user whom permissions bind. @returns what it says. */
async function start(directory: string): Promise<string> {
  const node = [process.execPath, START, directory]
  const { stdout } = await promisify(execFile)('setpriv', [...(isRoot ? UNBOUND : []), ...node])
  return stdout.trim()
}

/** The folder of a registry that was started and stopped twice, so that it has tables. */
async function usedFolder(t: TestContext): Promise<string> {
  const directory = join(await tempDir(t), 'registry')
  for (let i = 0; i < 2; i += 1) assert.equal(await start(directory), 'started')
  return directory
}

test('files that belong to somebody else are named and left as they are', async (t) => {
  const directory = await usedFolder(t)
  const tables = (await readdir(join(directory, 'blocks'))).filter((name) => /\.ldb$/.test(name))
  const files = [join('logs', 'LOCK'), join('blocks', 'CURRENT'), join('blocks', tables[0] ?? '')]
  assert.ok(tables.length > 0)
  for (const file of files) {
    await chmod(join(directory, file), 0o000)
    const expected = `the registry's stores in ${directory} cannot be opened: ${file}: Permission denied`
    assert.equal(await start(directory), expected)
    await chmod(join(directory, file), 0o600)
  }
  const stores = (await readdir(directory)).filter((name) => name !== 'reserve').sort()
  assert.deepEqual(stores, ['blocks', 'logs'], 'nothing was set aside')
  assert.equal(await start(directory), 'started')
})

test('a folder that cannot be entered is named', async (t) => {
  const directory = await usedFolder(t)
  await chmod(join(directory, 'blocks'), 0o000)
  assert.match(await start(directory), /cannot be opened: blocks\/\S+: Permission denied$/)
  await chmod(join(directory, 'blocks'), 0o700)
  assert.equal(await start(directory), 'started')
})

test('a file system that is mounted read-only is named', async (t) => {
  const directory = await tempDir(t)
  const unshare = isRoot ? ['--mount'] : ['--mount', '--map-root-user']
  const script = `
    mount -t tmpfs -o size=24m tmpfs "$1" || exit 90
    "$2" "$3" "$1/registry"
    mount -o remount,ro "$1" || exit 91
    "$2" "$3" "$1/registry"`
  const shell = ['sh', '-c', script, 'sh', directory, process.execPath, START]
  const { stdout } = await promisify(execFile)('unshare', [...unshare, ...shell])
  assert.match(stdout, /^started\n.* cannot be opened: logs\/\S+: Read-only file system\n$/)
})
