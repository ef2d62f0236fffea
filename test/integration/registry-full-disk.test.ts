import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { tempDir } from '../support/temp-dir.ts'

const STATION = join(import.meta.dirname, '../support/full-disk.ts')

/** A file system of 24 MB that is gone with the shell; the first station kills itself. */
const SCRIPT = `
set -u
mount -t tmpfs -o size=24m tmpfs "$1" || exit 90
"$2" "$3" fill "$1" "$4" "$5"
[ $? -eq 137 ] || exit 91
"$2" "$3" verify "$1" "$4" "$5"
`

test('a full disk refuses writes, says so once, takes them again, and loses nothing it took', async (t) => {
  const directory = await tempDir(t)
  const disk = join(directory, 'disk')
  await mkdir(disk)
  const identity = await createEphemeralIdentity()
  const rawKey = Buffer.from(identity.privateKey.raw).toString('hex')
  // A mount of its own needs no root where a user namespace can be made.
  const unshare = process.getuid?.() === 0 ? ['--mount'] : ['--mount', '--map-root-user']
  const report = join(directory, 'report.json')
  const shell = ['sh', '-c', SCRIPT, 'sh', disk, process.execPath, STATION, report, rawKey]
  const { stdout } = await promisify(execFile)('unshare', [...unshare, ...shell])
  assert.match(stdout, /^\d+ stored, \d+ refused$/m)
})
