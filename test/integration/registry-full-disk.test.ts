import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { tempDir } from '../support/temp-dir.ts'

const FULL = join(import.meta.dirname, '../support/full-disk.ts')
const TIGHT = join(import.meta.dirname, '../support/tight-disk.ts')

/** The first station kills itself. */
const TWICE = `
"$2" "$3" fill "$1" "$4" "$5"
[ $? -eq 137 ] || exit 91
"$2" "$3" verify "$1" "$4" "$5"
`
const ONCE = '"$2" "$3" "$4" "$1" "$5"'

/** Runs a script with a small file system of its own, `$1`, that is gone with the shell. */
async function onSmallDisk(
  t: TestContext,
  size: string,
  script: string,
  words: (directory: string) => string[],
): Promise<string> {
  const directory = await tempDir(t)
  const disk = join(directory, 'disk')
  await mkdir(disk)
  // A mount of its own needs no root where a user namespace can be made.
  const unshare = process.getuid?.() === 0 ? ['--mount'] : ['--mount', '--map-root-user']
  const mounted = `set -u\nmount -t tmpfs -o size=${size} tmpfs "$1" || exit 90\n${script}`
  const shell = ['sh', '-c', mounted, 'sh', disk, process.execPath, ...words(directory)]
  const { stdout } = await promisify(execFile)('unshare', [...unshare, ...shell])
  return stdout
}

async function newRawKey(): Promise<string> {
  const { privateKey } = await createEphemeralIdentity()
  return Buffer.from(privateKey.raw).toString('hex')
}

test('a full disk refuses writes, says so once, takes them again, and loses nothing it took', async (t) => {
  const rawKey = await newRawKey()
  const words = (directory: string) => [FULL, join(directory, 'report.json'), rawKey]
  assert.match(await onSmallDisk(t, '24m', TWICE, words), /^\d+ stored, \d+ refused$/m)
})

for (const [phase, size, what] of [
  ['fills', '64m', 'a disk that fills up ends the entries of others first, then ours, and is told'],
  ['start', '64m', 'a start on a full disk reads, says so, and writes when there is room'],
  ['bare', '64m', 'a start on a full disk that has no reserve ends with one line that names it'],
] as const) {
  test(what, async (t) => {
    const rawKey = await newRawKey()
    assert.match(await onSmallDisk(t, size, ONCE, () => [TIGHT, phase, rawKey]), /ended well/)
  })
}
