import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

import { readChunks } from '../../src/cli/registry-file.ts'
import { createEphemeralIdentity, type Identity } from '../../src/identity/index.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { startOfEpoch } from '../../src/registry/epochs/calendar.ts'
import { exportStopped, importStopped, verifyStopped } from '../../src/registry/snapshot/offline.ts'
import { BlockStore } from '../../src/registry/store/block-store.ts'
import { type Databases, openDatabases } from '../../src/registry/store/databases.ts'
import type { JudgedEntry } from '../../src/registry/store/entry-rules.ts'
import { type BytesLevel, openLevel } from '../../src/registry/store/levels.ts'
import {
  entriesIn,
  FIRST,
  MINUTE_MS,
  openEpochs,
  passTimeUntil,
  startEpochStation,
} from '../support/epoch-station.ts'
import { MovingClock } from '../support/moving-clock.ts'
import { forgeEntry } from '../support/registry.ts'
import { createMemoryNetwork } from '../support/registry-transport.ts'
import { tempDir } from '../support/temp-dir.ts'
import { waitFor } from '../support/wait-for.ts'

const KILLED = join(import.meta.dirname, '../support/registry-killed.ts')
const KILLS = 5
const ENTRIES = 2000
const TTL_MS = 7 * 86_400_000

/** A folder with a log of some thousand entries in this epoch. */
async function folderWith(t: TestContext, identity: Identity, epoch: number): Promise<string> {
  const directory = await tempDir(t)
  const levels = [await openLevel(directory, 'blocks'), await openLevel(directory, 'logs')] as const
  const databases = await openIn(levels, identity, epoch)
  const nodes = databases.get('nodes')
  const batch: JudgedEntry[] = []
  let next: string[] = []
  for (let i = 0; i < ENTRIES; i += 1) {
    const signed = { next, clock: { id: identity.peerId, time: startOfEpoch(epoch) + i } }
    const { address } = nodes
    const { bytes } = forgeEntry({ identity, address, localId: `i-${i}`, signed })
    const verdict = nodes.judge(bytes)
    assert.ok(verdict.isAccepted)
    next = [verdict.entry.hash]
    batch.push(verdict)
  }
  await nodes.joinMany(batch, 'local')
  await databases.close()
  for (const level of levels) await level.close()
  return directory
}

function openIn(
  [blocks, logs]: readonly [BytesLevel, BytesLevel],
  identity: Identity,
  epoch: number,
): Promise<Databases> {
  const asStore = (level: BytesLevel) =>
    Object.assign(level, { compact: async () => {} }) as unknown as Parameters<
      typeof openDatabases
    >[1]['logs']
  return openDatabases(
    { networkName: 'test', epoch },
    {
      identity,
      blocks: new BlockStore({ level: asStore(blocks), onDamaged: () => {} }),
      logs: asStore(logs),
      clock: systemClock,
      onEntry: () => {},
      onLost: () => {},
    },
  )
}

/** Runs the work and kills it so many milliseconds after it has begun. @returns whether it was cut short. */
async function kill(t: TestContext, words: readonly string[], afterMs: number): Promise<boolean> {
  const child = spawn(process.execPath, [KILLED, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk
  })
  const exited = once(child, 'exit')
  await waitFor(() => said.includes('begun'), { message: 'the work to begin', timeoutMs: 20_000 })
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs)
  await exited
  clearTimeout(timer)
  return !said.includes('done')
}

test('an import that is killed again and again leaves nothing half, and ends whole', async (t) => {
  const identity = await createEphemeralIdentity()
  const epoch = epochNow()
  const source = await folderWith(t, identity, epoch)
  const file = join(await tempDir(t), 'registry.car')
  const options = { directory: source, networkName: 'test', timeMs: Date.now() }
  await writeFile(file, exportStopped(options, identity))

  const directory = await tempDir(t)
  let cutShort = 0
  for (let i = 0; i < KILLS; i += 1) {
    if (await kill(t, ['import', directory, file], 30 + i * 70)) cutShort += 1
    const { problems, logs } = await verifyStopped({ directory })
    assert.deepEqual([problems.count, problems.first], [0, []])
    const entries = logs.reduce((sum, log) => sum + log.entries, 0)
    t.diagnostic(`${entries} entries after ${30 + i * 70} ms`)
  }
  assert.ok(cutShort > 0, 'one at least was cut short')
  const importing = { directory, networkName: 'test', nowMs: Date.now(), ttlMs: TTL_MS }
  await importStopped(readChunks(file), importing)
  const again = await importStopped(readChunks(file), importing)
  assert.equal(
    again.logs.reduce((sum, { added, mended }) => sum + added + mended, 0),
    0,
  )
  const whole = await verifyStopped({ directory })
  assert.deepEqual(
    [whole.problems.count, whole.logs.reduce((sum, log) => sum + log.entries, 0)],
    [0, ENTRIES],
  )
})

function epochNow(): number {
  const lengthMs = startOfEpoch(1) - startOfEpoch(0)
  return Math.floor((Date.now() - startOfEpoch(0)) / lengthMs)
}

test('a deletion that is killed, while it deletes or compacts, is ended by the next start', async (t) => {
  const identity = await createEphemeralIdentity()
  const full = await folderWith(t, identity, FIRST)
  const directory = join(await tempDir(t), 'registry')
  let cutShort = 0
  for (let i = 0; i < KILLS; i += 1) {
    await cp(full, directory, { recursive: true, force: true })
    if (await kill(t, ['erase', directory, String(FIRST)], i * 25)) cutShort += 1
    const clock = new MovingClock(startOfEpoch(FIRST + 3))
    const a = await startEpochStation(t, createMemoryNetwork(), { clock, identity, directory })
    assert.equal(a.registry.view.counts().nodes, 0, 'nothing is read of what is being deleted')
    await a.registry.writer.put('nodes', 'new', {})
    await passTimeUntil([a], () => !openEpochs(a).includes(FIRST), {
      message: 'the rest to be deleted',
      stepMs: MINUTE_MS,
    })
    assert.equal(entriesIn(a, FIRST + 3), 1)
    await a.registry.stop()
    const { problems, logs, orphans } = await verifyStopped({ directory })
    assert.deepEqual([problems.count, logs.length, orphans], [0, 1, 0])
    const left = await openLevel(directory, 'logs')
    const keys = await left.keys().all()
    await left.close()
    assert.deepEqual(
      keys.filter((key) => key.includes(`.e${FIRST}`)),
      [],
      'neither entries nor a mark',
    )
  }
  assert.ok(cutShort > 0, 'one at least was cut short')
})
