import assert from 'node:assert/strict'
import { mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

import { systemClock } from '../../../../src/lib/clock.ts'
import { DiskGuard, type FileSystemFacts } from '../../../../src/registry/store/disk-guard.ts'
import {
  type Admission,
  type Judgement,
  judgeUsage,
} from '../../../../src/registry/store/disk-limits.ts'
import { folderBytes } from '../../../../src/registry/store/folder-bytes.ts'
import type { HeapUse } from '../../../../src/telemetry/index.ts'
import { MovingClock } from '../../../support/moving-clock.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { waitFor } from '../../../support/wait-for.ts'

const MIB = 1024 * 1024
const LOOK_MS = 10_000

/** A file system of 1 000 blocks of 1 MiB. */
function small(usedBlocks: number): FileSystemFacts {
  return { blocks: 1000, bfree: 1000 - usedBlocks, bavail: 1000 - usedBlocks, bsize: MIB }
}

async function setUp(t: TestContext, limitBytes: number | null = null, heap?: () => HeapUse) {
  const directory = await tempDir(t)
  await mkdir(join(directory, 'blocks'))
  const clock = new MovingClock(1_000_000)
  const told: [Admission, string | null][] = []
  let facts: FileSystemFacts | null = small(100)
  let looked = 0
  const guard = new DiskGuard(
    { directory, limitBytes },
    {
      clock,
      statfs: async () => {
        looked += 1
        if (facts === null) throw new Error('not supported')
        return facts
      },
      heap,
      onChanged: (admission, notice) => told.push([admission, notice]),
    },
  )
  t.after(() => guard.stop())
  const use = async (next: FileSystemFacts | null, admission: Admission) => {
    facts = next
    const isSo = () => {
      clock.advance(LOOK_MS)
      return guard.admission === admission
    }
    await waitFor(isSo, { message: `it to admit ${admission}` })
  }
  return { directory, guard, told, use, clock, looks: () => looked }
}

test('a disk that fills up ends first the entries of others, then ours, and begins them again', async (t) => {
  const { guard, told, use } = await setUp(t)
  await guard.start()
  assert.deepEqual([guard.acceptsRemote, guard.failure, guard.notice], [true, null, null])

  await use(small(900), 'own')
  assert.deepEqual([guard.acceptsRemote, guard.failure], [false, null])
  await use(small(950), 'none')
  assert.equal(guard.acceptsRemote, false)
  assert.equal(guard.failure?.code, 'READ_ONLY')
  assert.match(guard.failure?.message ?? '', /cannot write to .*: 50 MB are left on the disk;/)
  await use(small(929), 'own')
  assert.equal(guard.failure, null)
  await use(small(879), 'all')
  assert.deepEqual([guard.acceptsRemote, guard.notice], [true, null])
  assert.deepEqual(told, [
    ['own', 'no entries of other stations are stored: 100 MB are left on the disk'],
    ['none', 'nothing is stored: 50 MB are left on the disk'],
    ['own', 'no entries of other stations are stored: 71 MB are left on the disk'],
    ['all', null],
  ])
})

test('a disk at the edge does not change its mind at each look', async (t) => {
  const { guard, told, use, clock } = await setUp(t)
  await guard.start()
  await use(small(900), 'own')
  for (const used of [899, 900, 890, 881]) {
    await use(small(used), 'own')
    clock.advance(LOOK_MS)
  }
  assert.equal(told.length, 1)
})

const OPEN: Judgement = { admission: 'all', reason: null }
const GIB = 1024 * MIB

for (const [what, freeBytes, usedShare, admission] of [
  ['a tenth of a large disk is room for years', 500 * GIB, 0.9, 'all'],
  ['so is a fiftieth', 100 * GIB, 0.98, 'all'],
  ['the last GiB of a large disk is kept from others', GIB - 1, 0.999, 'own'],
  ['the last 512 MiB of a large disk are kept from all', 512 * MIB - 1, 0.999, 'none'],
  ['a small disk may be used to nine tenths', 100 * MIB, 0.89, 'all'],
] as const) {
  test(what, () => {
    const usage = { freeBytes, usedShare, storeBytes: 0, isHeapFull: false }
    assert.equal(judgeUsage(usage, OPEN, null).admission, admission)
  })
}

test('a registry that was at its limit begins again below nineteen twentieths of it', () => {
  const at = (storeBytes: number, before: Judgement) =>
    judgeUsage(
      { freeBytes: 500 * GIB, usedShare: 0.1, storeBytes, isHeapFull: false },
      before,
      1000,
    )
  const reached = at(1000, OPEN)
  assert.deepEqual(reached, { admission: 'own', reason: 'limit' })
  assert.equal(at(999, OPEN).admission, 'all')
  assert.equal(at(950, reached).admission, 'own')
  assert.equal(at(949, reached).admission, 'all')
})

test('a registry at its limit stores nothing of others, and more only when it is well below', async (t) => {
  const { directory, guard, told, use, clock } = await setUp(t, 1000)
  const file = join(directory, 'blocks', 'table')
  // What was set aside, and the reserve, are not what strangers wrote.
  await writeFile(join(directory, 'reserve'), Buffer.alloc(5000))
  await writeFile(join(directory, 'blocks.damaged-1'), Buffer.alloc(5000))
  await writeFile(file, Buffer.alloc(999))
  await guard.start()
  assert.equal(guard.acceptsRemote, true)
  assert.equal(guard.bytes, 5999)
  await truncate(file, 1000)
  await use(small(100), 'own')
  assert.equal(guard.failure, null)
  await truncate(file, 960)
  clock.advance(LOOK_MS)
  await use(small(100), 'own')
  await truncate(file, 949)
  await use(small(100), 'all')
  assert.deepEqual(
    told.map(([admission]) => admission),
    ['own', 'all'],
  )
})

test('what is stored between two looks counts towards the limit', async (t) => {
  const { guard, clock } = await setUp(t, 1000)
  await guard.start()
  guard.noteStored(999)
  assert.equal(guard.acceptsRemote, true)
  guard.noteStored(1)
  assert.equal(guard.acceptsRemote, false)
  // The files are what counts: these entries were compressed, or written over.
  const isSo = () => {
    clock.advance(LOOK_MS)
    return guard.acceptsRemote
  }
  await waitFor(isSo, { message: 'the files to be looked at' })
})

test('a registry that cannot be measured for a while is no smaller for that', async (t) => {
  const { directory, guard, use, clock, looks } = await setUp(t, 1000)
  const blocks = join(directory, 'blocks')
  await writeFile(join(blocks, 'table'), Buffer.alloc(800))
  await guard.start()
  guard.noteStored(150)
  // Not listable, whoever asks.
  await rename(blocks, join(directory, 'elsewhere'))
  await writeFile(blocks, '')
  const before = looks()
  const isLookedAt = () => {
    clock.advance(LOOK_MS)
    return looks() >= before + 2
  }
  await waitFor(isLookedAt, { message: 'it to be looked at in vain' })
  assert.equal(guard.acceptsRemote, true)
  guard.noteStored(50)
  assert.equal(guard.acceptsRemote, false)
  await rm(blocks)
  await rename(join(directory, 'elsewhere'), blocks)
  await truncate(join(blocks, 'table'), 1000)
  await use(small(100), 'own')
})

test('a heap that fills up ends the entries of others, and begins them again when it is well below', async (t) => {
  const heap = { usedBytes: 900, liveBytes: 500, collections: 1, limitBytes: 1000 }
  const { guard, told, use } = await setUp(t, null, () => heap)
  await guard.start()
  assert.equal(guard.acceptsRemote, true)
  heap.liveBytes = 650
  assert.equal(guard.acceptsRemote, false, 'before the next look')
  await use(small(100), 'own')
  assert.equal(guard.failure, null, 'our own are stored')
  heap.liveBytes = 560
  await use(small(100), 'own')
  heap.liveBytes = 549
  await use(small(100), 'all')
  assert.equal(guard.acceptsRemote, true)
  const notice =
    'no entries of other stations are stored: the heap is nearly full (ORBITDB_HEAP_MB)'
  assert.deepEqual(told, [
    ['own', notice],
    ['all', null],
  ])
})

test('what is stored between two collections counts threefold, as far as the heap is in use at all', async (t) => {
  const heap = { usedBytes: 1000, liveBytes: 500, collections: 1, limitBytes: 1000 }
  const { guard } = await setUp(t, null, () => heap)
  await guard.start()
  guard.noteStored(49)
  assert.equal(guard.acceptsRemote, true)
  guard.noteStored(1)
  assert.equal(guard.acceptsRemote, false)
  heap.usedBytes = 640
  assert.equal(guard.acceptsRemote, true, 'a heap with room has room')
  Object.assign(heap, { usedBytes: 1000, collections: 2 })
  assert.equal(guard.acceptsRemote, true, 'a collection says what it was')
})

test('a heap that was never collected is as full as it is in use', async (t) => {
  const heap = { usedBytes: 649, liveBytes: null, collections: 0, limitBytes: 1000 }
  const { guard } = await setUp(t, null, () => heap)
  await guard.start()
  assert.equal(guard.acceptsRemote, true)
  heap.usedBytes = 650
  assert.equal(guard.acceptsRemote, false)
})

test('a file system that tells nothing stops nothing', async (t) => {
  const { guard, told, use } = await setUp(t)
  await use(null, 'all')
  await guard.start()
  assert.equal(guard.acceptsRemote, true)
  await use({ blocks: 0, bfree: 0, bavail: 0, bsize: 4096 }, 'all')
  assert.deepEqual(told, [])
})

test('the size of the registry is that of all its files, and unknown where there is no folder', async (t) => {
  const { directory, guard, clock } = await setUp(t)
  await writeFile(join(directory, 'a'), Buffer.alloc(1000))
  await writeFile(join(directory, 'blocks', 'b'), Buffer.alloc(234))
  assert.equal(guard.bytes, null)
  await guard.start()
  assert.equal(guard.bytes, 1234)
  await rm(directory, { recursive: true })
  const isUnknown = () => {
    clock.advance(LOOK_MS)
    return guard.bytes === null
  }
  await waitFor(isUnknown, { message: 'no size' })
  await guard.stop()
  await guard.stop()
  assert.equal(guard.bytes, null)
})

test('a file that goes while all are listed has no size, one that cannot be asked makes it unknown', async (t) => {
  const directory = await tempDir(t)
  for (const name of ['a', 'b']) await writeFile(join(directory, name), Buffer.alloc(1000))
  const failing = (code: string) => async (path: string) => {
    if (path.endsWith('b')) throw Object.assign(new Error(code), { code })
    return { size: 1000 }
  }
  assert.equal(await folderBytes(directory), 2000)
  assert.equal(await folderBytes(directory, failing('ENOENT')), 1000)
  assert.equal(await folderBytes(directory, failing('EIO')), null)
})

test('the real file system is asked by default', async (t) => {
  const directory = await tempDir(t)
  const told: string[] = []
  const guard = new DiskGuard(
    { directory, limitBytes: 1 },
    { clock: systemClock, onChanged: (admission) => told.push(admission) },
  )
  t.after(() => guard.stop())
  await mkdir(join(directory, 'logs'))
  await writeFile(join(directory, 'logs', 'file'), 'two')
  await guard.start()
  assert.deepEqual(told, ['own'])
})
