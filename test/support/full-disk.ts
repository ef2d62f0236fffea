/**
 * A station whose disk is full for a while, then killed; and the same station looking for what it had
 * acknowledged. Arguments: `fill` or `verify`, a small file system, a file for the report, identity seed.
 */
import assert from 'node:assert/strict'
import { open, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import { identityFromKey } from '../../src/identity/identity.ts'
import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { createRegistry, type RegistryService } from '../../src/registry/index.ts'
import { createLogger, createMetrics } from '../../src/telemetry/index.ts'
import { createMemoryNetwork, type MemoryNetwork } from './registry-transport.ts'
import { waitFor } from './wait-for.ts'

interface Report {
  readonly stored: string[]
  readonly refused: string[]
}

const [, , phase = '', disk = '', reportPath = '', rawKey = ''] = process.argv
const privateKey = privateKeyFromRaw(Buffer.from(rawKey, 'hex'))
if (privateKey.type !== 'Ed25519') throw new Error('an Ed25519 key is needed')
const identity = identityFromKey(privateKey)
const FILLER = 'x'.repeat(4000)
const lines: string[] = []

function create(network: MemoryNetwork, directory: string, own = identity): RegistryService {
  return createRegistry(
    { directory, networkName: 'test', nodeTtlDays: 7, bitswap: null, diskRetryMs: 100 },
    {
      identity: own,
      transport: network.join(own.peerId),
      libp2p: null,
      logger: createLogger({ destination: { write: (line) => void lines.push(line) } }),
      metrics: createMetrics(),
    },
  )
}

/** Takes all room but about `leftBytes`. */
async function fillDisk(leftBytes: number): Promise<string> {
  const path = join(disk, 'filler')
  const file = await open(path, 'w')
  const { bavail, bsize } = await statfs(disk)
  await file.writeFile(Buffer.alloc(bavail * bsize - leftBytes))
  await file.close()
  return path
}

async function fill(): Promise<void> {
  const network = createMemoryNetwork()
  const registry = create(network, join(disk, 'registry'))
  const otherIdentity = await createEphemeralIdentity()
  const other = create(network, `${reportPath}.other`, otherIdentity)
  await registry.start()
  await other.start()
  network.connect(identity.peerId, otherIdentity.peerId)
  const report: Report = { stored: [], refused: [] }
  const put = async (id: string) => {
    try {
      await registry.writer.put('nodes', id, { source: FILLER })
      report.stored.push(id)
    } catch (error) {
      assert.ok(error instanceof Error && 'code' in error)
      assert.equal(error.code, 'READ_ONLY', error.stack)
      report.refused.push(id)
    }
  }
  for (let i = 0; i < 20; i += 1) await put(`before-${i}`)
  assert.equal(report.refused.length, 0)

  for (let round = 0; round < 2; round += 1) {
    const filler = await fillDisk(40_000)
    for (let i = 0; i < 60; i += 1) await put(`full-${round}-${i}`)
    assert.ok(report.refused.length > 30, 'writes beyond the room are refused')
    assert.equal(registry.isReady, false)
    assert.match(registry.problem ?? '', /cannot write to .*No space left on device/)
    for (const id of report.refused) assert.equal(registry.view.get('nodes', id), null, id)
    for (const id of report.stored) assert.ok(registry.view.get('nodes', id), id)
    // What peers send meanwhile is not stored either, and fills no log.
    for (let i = 0; i < 40; i += 1) await other.writer.put('nodes', `theirs-${round}-${i}`, {})
    assert.equal(lines.filter((line) => line.includes('cannot write')).length, round + 1)
    assert.equal(lines.length, 2 * round + 1, lines.join(''))

    await rm(filler)
    await waitFor(() => registry.isReady, { message: 'writing to go on' })
    assert.equal(lines.length, 2 * round + 2, lines.join(''))
    const refusedBefore: number = report.refused.length
    for (let i = 0; i < 40; i += 1) await put(`after-${round}-${i}`)
    assert.equal(report.refused.length, refusedBefore)
  }
  await waitFor(() => registry.view.counts().nodes === other.view.counts().nodes, {
    timeoutMs: 30_000,
    message: 'what either wrote meanwhile to be at the other',
  })
  // Nothing that was refused is left as a head: the next write joins all there are.
  await put('last')
  await waitFor(() => registry.status()[0]?.heads === 1, { message: 'one head' })
  await writeFile(reportPath, JSON.stringify(report))
  process.kill(process.pid, 'SIGKILL')
}

async function verify(): Promise<void> {
  const report: Report = JSON.parse(await readFile(reportPath, 'utf8'))
  const registry = create(createMemoryNetwork(), join(disk, 'registry'))
  await registry.start()
  const isThere = (id: string) => registry.view.get('nodes', id) !== null
  const lost = report.stored.filter((id) => !isThere(id))
  const back = report.refused.filter(isThere)
  assert.deepEqual({ lost, back }, { lost: [], back: [] })
  await registry.writer.put('nodes', 'verified', {})
  await registry.stop()
  console.log(`${report.stored.length} stored, ${report.refused.length} refused`)
}

await (phase === 'fill' ? fill() : verify())
