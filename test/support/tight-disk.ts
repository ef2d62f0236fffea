/**
 * A station on a small file system that fills up, and one that starts on a full one. Arguments: `fills`,
 * `start` or `bare` (a full disk without a reserve), a small file system, identity seed.
 */
import assert from 'node:assert/strict'
import { appendFile, mkdtemp, open, rm, stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import { identityFromKey } from '../../src/identity/identity.ts'
import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { createRegistry, type RegistryService } from '../../src/registry/index.ts'
import { createLogger, createMetrics } from '../../src/telemetry/index.ts'
import { MovingClock } from './moving-clock.ts'
import { createMemoryNetwork } from './registry-transport.ts'
import { waitFor } from './wait-for.ts'

const [, , phase = '', disk = '', rawKey = ''] = process.argv
const privateKey = privateKeyFromRaw(Buffer.from(rawKey, 'hex'))
if (privateKey.type !== 'Ed25519') throw new Error('an Ed25519 key is needed')
const identity = identityFromKey(privateKey)
const directory = join(disk, 'registry')
const filler = join(disk, 'filler')
const network = createMemoryNetwork()
const clock = new MovingClock(Date.now())
const metrics = createMetrics()
const lines: string[] = []

function create(folder: string, own = identity): RegistryService {
  return createRegistry(
    {
      directory: folder,
      networkName: 'test',
      nodeTtlDays: 7,
      bitswap: null,
      diskRetryMs: 50,
      antiEntropyIntervalMs: 500,
      exchangeIntervalMs: 50,
    },
    {
      identity: own,
      transport: network.join(own.peerId),
      libp2p: null,
      logger: createLogger({ destination: { write: (line) => void lines.push(line) } }),
      metrics: own === identity ? metrics : createMetrics(),
      clock: own === identity ? clock : new MovingClock(Date.now()),
    },
  )
}

/** Leaves the file system used to this share. */
async function fillTo(share: number): Promise<void> {
  await rm(filler, { force: true })
  const { blocks, bavail, bsize } = await statfs(disk)
  const wanted = Math.floor(blocks * share) - (blocks - bavail)
  const file = await open(filler, 'w')
  await file.writeFile(Buffer.alloc(Math.max(0, wanted) * bsize))
  await file.close()
}

/** To the last byte. */
async function fillUp(): Promise<void> {
  await fillTo(1)
  for (let piece = 65_536; piece >= 1; piece = Math.floor(piece / 2)) {
    await appendFile(filler, Buffer.alloc(piece)).catch(() => {})
  }
  await assert.rejects(appendFile(filler, Buffer.alloc(8192)), { code: 'ENOSPC' })
}

const isSoAfterLooks = (isSo: () => unknown, message: string) =>
  waitFor(
    () => {
      clock.advance(10_000)
      return isSo()
    },
    { message, timeoutMs: 20_000 },
  )

async function fills(): Promise<void> {
  const registry = create(directory)
  const otherIdentity = await createEphemeralIdentity()
  const folder = await mkdtemp(join(tmpdir(), 'wesense-test-'))
  const other = create(folder, otherIdentity)
  await registry.start()
  await other.start()
  network.connect(identity.peerId, otherIdentity.peerId)
  const theirs = (id: string) => registry.view.get('nodes', id)
  await other.writer.put('nodes', 'before', {})
  await waitFor(() => theirs('before'), { message: 'what was written before' })

  await fillTo(0.91)
  await isSoAfterLooks(() => registry.notice !== null, 'the disk to be noticed')
  assert.match(registry.notice ?? '', /^no entries of other stations are stored: \d+ MB are left/)
  assert.equal(registry.isReady, true)
  await other.writer.put('nodes', 'during', {})
  await registry.writer.put('nodes', 'ours', {})
  await waitFor(() => other.view.get('nodes', 'ours'), { message: 'ours at the other' })
  const refused = () => registry.status()[0]?.rejections['no-room'] ?? 0
  await isSoAfterLooks(() => refused() > 1, 'gossip and an exchange to be refused')
  assert.equal(theirs('during'), null)
  const text = await metrics.text()
  assert.match(text, /wesense_registry_admission\{state="own"\} 1/)
  assert.doesNotMatch(text, /wesense_registry_penalties_total\{[^}]*\} [1-9]/)

  await fillTo(0.96)
  await isSoAfterLooks(() => !registry.isReady, 'no write of ours')
  assert.match(registry.problem ?? '', /cannot write to .*: \d+ MB are left on the disk/)
  await assert.rejects(registry.writer.put('nodes', 'refused', {}), { code: 'READ_ONLY' })

  await fillTo(0.5)
  await isSoAfterLooks(() => registry.notice === null && theirs('during'), 'all as before')
  await registry.writer.put('nodes', 'after', {})
  assert.deepEqual(
    lines.map((line) => /registry (stores no entries|stores nothing)|stored again/.exec(line)?.[0]),
    ['registry stores no entries', 'registry stores nothing', 'stored again'],
    lines.join(''),
  )
  await registry.stop()
  await other.stop()
  await rm(folder, { recursive: true })
}

/** A station that has written a little, stopped, on a disk that is full then. */
async function stoppedOnFullDisk(hasReserve: boolean): Promise<RegistryService> {
  const registry = create(directory)
  await registry.start()
  for (let i = 0; i < 50; i += 1) await registry.writer.put('nodes', `i-${i}`, {})
  const reserve = join(directory, 'reserve')
  const isHeld = () => {
    clock.advance(100)
    return stat(reserve).catch(() => null)
  }
  await waitFor(isHeld, { message: 'the reserve' })
  await registry.stop()
  if (!hasReserve) await rm(reserve)
  await fillUp()
  return registry
}

async function start(): Promise<void> {
  const registry = await stoppedOnFullDisk(true)
  await registry.start()
  assert.equal(registry.isReady, false)
  assert.match(
    registry.problem ?? '',
    /cannot write to .*: (No space left on device|\d+ MB are left)/,
  )
  for (let i = 0; i < 50; i += 1) assert.ok(registry.view.get('nodes', `i-${i}`), `i-${i}`)
  await assert.rejects(registry.writer.put('nodes', 'refused', {}), { code: 'READ_ONLY' })

  await rm(filler)
  await isSoAfterLooks(() => registry.isReady, 'writing to go on without a restart')
  await registry.writer.put('nodes', 'after', {})
  await waitFor(
    () => {
      clock.advance(100)
      return stat(join(directory, 'reserve')).catch(() => null)
    },
    { message: 'a reserve again' },
  )
  await registry.stop()
}

async function bare(): Promise<void> {
  const registry = await stoppedOnFullDisk(false)
  await assert.rejects(registry.start(), {
    code: 'STORES_NOT_OPENED',
    message: new RegExp(`^the registry's stores in ${directory} cannot be opened: .*No space left`),
  })
  await rm(filler)
  await registry.start()
  assert.ok(registry.view.get('nodes', 'i-49'))
  await registry.stop()
}

const phases: Readonly<Record<string, () => Promise<void>>> = { fills, start, bare }
await phases[phase]?.()
console.log(`${phase} ended well`)
