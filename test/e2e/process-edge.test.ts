import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import type { NodeStatus } from '../../src/api/types.ts'
import { call, openSocket } from '../support/api.ts'
import { parseMetrics } from '../support/node.ts'
import {
  type Program,
  QUIET_ENV,
  runProgram,
  spawnProgram,
  startProgram,
} from '../support/process.ts'
import { waitFor } from '../support/wait-for.ts'

const MEGABYTE = 1_048_576

/** A folder to run in, removed after the programs in it have ended. */
async function folder(t: { after(job: () => unknown): void }) {
  const cwd = await mkdtemp(join(tmpdir(), 'wesense-test-'))
  const jobs: (() => unknown)[] = []
  t.after(async () => {
    for (const job of jobs.reverse()) await job()
    await rm(cwd, { recursive: true, force: true, maxRetries: 3 })
  })
  const start = (env: Readonly<Record<string, string>> = {}): Promise<Program> =>
    startProgram({ after: (job) => jobs.push(job) }, { cwd, env })
  return { cwd, start }
}

/** Every file below a folder, with a digest of its bytes. */
async function contents(path: string): Promise<Record<string, string>> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const digests = files.map(async (entry) => {
    const file = join(entry.parentPath, entry.name)
    return [
      file,
      createHash('sha256')
        .update(await readFile(file))
        .digest('hex'),
    ] as const
  })
  return Object.fromEntries(await Promise.all(digests))
}

describe('the heap cap', { timeout: 60_000 }, () => {
  it('is the limit at which V8 itself ends the process', async (t) => {
    const { cwd, start } = await folder(t)
    const reporting = [
      '--report-on-signal',
      '--report-signal=SIGUSR2',
      `--report-directory=${cwd}`,
      '--report-exclude-network',
    ]
    const limits: number[] = []
    for (const heapMb of [200, 320]) {
      const program = await start({
        ORBITDB_HEAP_MB: String(heapMb),
        NODE_OPTIONS: [...reporting, `--report-filename=report-${heapMb}.json`].join(' '),
      })
      const { memory } = (await call(program.apiUrl, '/status')).json as NodeStatus
      const metrics = parseMetrics((await call(program.apiUrl, '/metrics')).text)
      assert.equal(metrics.get('wesense_process_heap_limit_bytes'), memory.heap_limit_bytes)

      // What V8 says when Node is asked from outside, past all code of ours.
      program.child.kill('SIGUSR2')
      const report = await waitFor(
        async () => JSON.parse(await readFile(join(cwd, `report-${heapMb}.json`), 'utf8')),
        { message: 'the diagnostic report', timeoutMs: 10_000 },
      )
      assert.equal(report.javascriptHeap.memoryLimit, memory.heap_limit_bytes)
      limits.push(memory.heap_limit_bytes / MEGABYTE)
      assert.equal((await program.stop()).code, 0)
    }
    t.diagnostic(`heap limits of V8: ${limits.join(' and ')} MB for 200 and 320`)
    // The young generation is counted in.
    for (const [index, heapMb] of [200, 320].entries()) {
      const limit = limits[index] ?? 0
      assert.ok(limit >= heapMb && limit <= heapMb + 48, `${limit} MB for ${heapMb}`)
    }
  })
})

/** Of the process that runs now, under the ID that was started. */
async function environmentOf({ child }: Program): Promise<string[]> {
  return (await readFile(`/proc/${child.pid}/environ`, 'utf8')).split('\0')
}

describe("the allocator's arenas", { timeout: 60_000 }, () => {
  it('are two, unless the operator wants another number of them', async (t) => {
    const { start } = await folder(t)
    const program = await start()
    assert.ok((await environmentOf(program)).includes('MALLOC_ARENA_MAX=2'))
    const other = await (await folder(t)).start({ MALLOC_ARENA_MAX: '4' })
    assert.ok((await environmentOf(other)).includes('MALLOC_ARENA_MAX=4'))
  })
})

describe('SIGTERM', { timeout: 60_000 }, () => {
  it('ends a station in order although clients and peers hold on to it', async (t) => {
    const seed = await (await folder(t)).start()
    const { start } = await folder(t)
    const [address = ''] = seed.addresses
    const program = await start({ ORBITDB_BOOTSTRAP_PEERS: address })
    await waitFor(
      async () => ((await call(program.apiUrl, '/peers')).json.peers as unknown[]).length === 1,
      { message: 'connected to the seed', timeoutMs: 10_000 },
    )
    const port = Number(new URL(program.apiUrl).port)
    const idle = await openSocket(t, port)
    const slow = await openSocket(t, port)
    slow.send('PUT /nodes/slow HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50\r\n')
    slow.send('Content-Type: application/json\r\n\r\n{')
    const { code, ms } = await program.stop()
    t.diagnostic(`exit code ${code} after ${Math.round(ms)} ms`)
    assert.equal(code, 0, program.error())
    assert.ok(ms < 10_000, `it took ${ms} ms`)
    assert.equal(program.error(), '')
    const said = program.records()
    assert.deepEqual(
      said.map(({ msg }) => msg).filter((msg) => msg === 'Stopping' || msg === 'Stopped'),
      ['Stopping', 'Stopped'],
    )
    assert.deepEqual(
      said.filter(({ level }) => level === 'warn' || level === 'error'),
      [],
    )
    await waitFor(() => idle.isClosed && slow.isClosed, { message: 'the clients are let go' })
  })
})

describe('a refusal to start', { timeout: 60_000 }, () => {
  it('names every bad setting at once, a line each, with code 2 and no data folder', async (t) => {
    const { cwd } = await folder(t)
    await writeFile(join(cwd, '.env'), 'ANNOUNCE_ADRESS=hub.example.org\n')
    const { code, out, error } = await runProgram({
      cwd,
      args: ['start', '--log-level', 'loud'],
      env: {
        ...QUIET_ENV,
        LIBP2P_PORT: '70000',
        ORBITDB_BOOTSTRAP_PEERS: 'https://hub.example.org',
      },
    })
    assert.equal(code, 2)
    assert.equal(out, '')
    const lines = error.trimEnd().split('\n')
    assert.equal(lines.length, 4, error)
    const about: readonly RegExp[] = [
      /--log-level|LOG_LEVEL/,
      /LIBP2P_PORT/,
      /ORBITDB_BOOTSTRAP_PEERS/,
      /ANNOUNCE_ADRESS.*is ANNOUNCE_ADDRESS meant\?/,
    ]
    for (const pattern of about) {
      assert.equal(lines.filter((line) => pattern.test(line)).length, 1, `${pattern}\n${error}`)
    }
    assert.ok(lines.every((line) => line.startsWith('wesense-node: ')))
    assert.deepEqual(await readdir(cwd), ['.env'])
  })

  it('leaves a damaged key as it is, and says what to do', async (t) => {
    const { cwd, start } = await folder(t)
    const first = await start()
    const { peerId } = first
    await first.stop()
    const data = join(cwd, 'data')
    const key = join(data, 'identity', 'peer.key')
    const good = await readFile(key)
    const bad = Buffer.from(good)
    bad.fill(0xff, 10, 30)
    await writeFile(key, bad)
    const before = await contents(data)

    const { code, out, error } = await runProgram({ cwd, args: ['start'], env: QUIET_ENV })
    assert.equal(code, 1)
    assert.doesNotMatch(out, /Node ready/)
    assert.equal(error.trimEnd().split('\n').length, 1, error)
    assert.ok(error.includes(join('identity', 'peer.key')), error)
    assert.match(error, /damaged.*Restore.*identity import/)
    assert.deepEqual(await contents(data), before)

    await writeFile(key, good)
    const again = await start()
    assert.equal(again.peerId, peerId)
  })

  it('says which port is taken, in one line, and holds nothing afterwards', async (t) => {
    const { start } = await folder(t)
    const first = await start()
    const port = new URL(first.apiUrl).port
    const { cwd, start: startSecond } = await folder(t)
    const { code, error } = await runProgram({
      cwd,
      args: ['start', '--port', port],
      env: QUIET_ENV,
    })
    assert.equal(code, 1)
    assert.match(error, new RegExp(`^wesense-node: .*port ${port}.* in use\\n$`))
    assert.equal((await (await startSecond()).stop()).code, 0)
  })
})

describe('a long answer', { timeout: 60_000 }, () => {
  it('comes whole through a pipe whose reader takes its time', async (t) => {
    const { cwd } = await folder(t)
    const peers = Array.from({ length: 2000 }, (_, index) => ({
      peer_id: `${'x'.repeat(200)}${index}`,
    }))
    const api = createServer((_, reply) => {
      reply.setHeader('content-type', 'application/json').end(JSON.stringify({ peers }))
    })
    await once(api.listen(0, '127.0.0.1'), 'listening')
    t.after(() => api.close())
    const { port } = api.address() as AddressInfo
    const child = spawnProgram({ cwd, args: ['peers', '--json', '--port', String(port)] })
    t.after(() => child.kill('SIGKILL'))
    const { stdout } = child
    assert.ok(stdout)
    const ended = once(child, 'close')
    await delay(1500)
    assert.deepEqual(JSON.parse(await text(stdout)), { peers })
    assert.deepEqual(await ended, [0, null])
  })
})
