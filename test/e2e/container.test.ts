import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Engine, FIND_WRITABLE, startEngine } from '../support/docker.ts'
import { waitFor } from '../support/wait-for.ts'

/** What Compose names it, whatever the project is called. */
const NODE = 'wesense-orbitdb'
const NEWCOMER = `wesense-newcomer-${process.pid}`
const PROJECT = `wesense-test-${process.pid}`
const IMAGE = 'wesense-node:local'

/** The three lines of `.env`, and what keeps this test away from the rest of the machine. */
const DOT_ENV = `
COMPOSE_PROFILES=bootstrap
ANNOUNCE_ADDRESS=bootstrap.test
ORBITDB_BOOTSTRAP_PEERS=bootstrap.test

COMPOSE_PROJECT_NAME=${PROJECT}
DOCKER_NETWORK=${PROJECT}
LIBP2P_PORT=24002
WS_PORT=24003
PORT=25200
`

interface Status {
  readonly peer_id: string
  readonly addresses: { readonly announce: readonly string[] }
  readonly roles: { readonly bootstrap: { readonly is_bootstrap: boolean } }
  readonly connections: { readonly stations: number }
  readonly memory: { readonly heap_limit_bytes: number; readonly memory_limit_bytes: number | null }
}

describe('docker-compose up with three lines in .env', () => {
  const cleanups: (() => unknown)[] = []
  let engine: Engine
  let envFile = ''

  before(async () => {
    const dir = await mkdtemp(join(tmpdir(), 'wesense-test-'))
    cleanups.push(() => rm(dir, { recursive: true }))
    envFile = join(dir, '.env')
    await writeFile(envFile, DOT_ENV)
    engine = await startEngine({ after: (job) => cleanups.push(job) })
    await removeLeftover(engine)
    cleanups.unshift(async () => {
      await engine.docker('rm', '-f', '-v', NEWCOMER).catch(() => {})
      await engine.compose(envFile, 'down', '-v', '--timeout', '10')
    })
    await engine.compose(envFile, 'build')
    await engine.compose(envFile, 'up', '-d')
  })
  after(async () => {
    for (const cleanup of cleanups) await cleanup()
  })

  const status = async (container: string): Promise<Status> => {
    const { out } = await engine.docker('exec', container, 'wesense-node', 'status', '--json')
    return JSON.parse(out)
  }
  const running = (container: string) =>
    waitFor(() => status(container), { timeoutMs: 60_000, message: `${container} answers` })

  test('gives a bootstrap that announces itself', async () => {
    const { addresses, roles } = await running(NODE)
    assert.ok(
      addresses.announce.some(
        (one) =>
          one.startsWith('/dns/bootstrap.test/tcp/24002') ||
          one.startsWith('/dns4/bootstrap.test/tcp/24002'),
      ),
      addresses.announce.join(' '),
    )
    assert.equal(roles.bootstrap.is_bootstrap, true)
  })

  test('keeps the heap inside the memory limit', async () => {
    const { memory } = await running(NODE)
    const limit = Number(await engine.inspect(NODE, '{{.HostConfig.Memory}}'))
    assert.equal(limit, 1024 ** 3)
    assert.equal(memory.memory_limit_bytes, limit)
    assert.ok(memory.heap_limit_bytes < limit * 0.6, `heap ${memory.heap_limit_bytes} of ${limit}`)
  })

  test('serves other containers by name, and strangers not at all', async () => {
    const ask = 'fetch(process.argv[1]).then(async (r) => console.log(r.status, await r.text()))'
    const { out } = await engine.docker(
      ...['run', '--rm', '--network', PROJECT, '--entrypoint', 'node', IMAGE],
      ...['-e', ask, 'http://wesense-orbitdb:25200/health'],
    )
    assert.match(out, /^200 /)
    const published = await engine.docker('port', NODE, '25200')
    assert.match(published.out, /^127\.0\.0\.1:25200$/m)
    const unused = await engine.docker('port', NODE, '4004')
    assert.match(
      unused.out,
      /^127\.0\.0\.1:\d{5}\n?$/,
      'a listener that is off takes no port of the host',
    )
  })

  test('is found by a second container, and says so when that one leaves', async () => {
    const { peer_id } = await running(NODE)
    await engine.docker(
      ...['run', '-d', '--name', NEWCOMER, '--network', PROJECT],
      ...['-e', `ORBITDB_BOOTSTRAP_PEERS=wesense-orbitdb:24002`, IMAGE],
    )
    const newcomer = await running(NEWCOMER)
    assert.notEqual(newcomer.peer_id, peer_id)
    for (const container of [NODE, NEWCOMER]) {
      await waitFor(async () => (await status(container)).connections.stations === 1, {
        timeoutMs: 30_000,
        message: `${container} has one station`,
      })
    }
    await engine.docker('stop', NEWCOMER)
    await waitFor(async () => grepCount(await engine.logs(NODE), 'Peer disconnected') > 0, {
      timeoutMs: 30_000,
      message: 'docker logs ... | grep -c "Peer disconnected" counts one',
    })
  })

  test('runs the node without a capability, a way to get one, or a place to write but its volume', async () => {
    await running(NODE)
    const { out } = await engine.docker('exec', NODE, 'cat', '/proc/1/status')
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
      assert.match(out, new RegExp(`^${set}:\\t0{16}$`, 'm'))
    }
    assert.match(out, /^Uid:\t1000\t1000\t1000\t1000$/m)
    assert.match(out, /^NoNewPrivs:\t1$/m)
    // 2: a filter, the engine's own.
    assert.match(out, /^Seccomp:\t2$/m)
    const limits = await engine.docker('exec', NODE, 'cat', '/proc/1/limits')
    assert.match(limits.out, /^Max core file size +0 +0 /m)
    assert.equal(await engine.inspect(NODE, '{{.HostConfig.PidsLimit}}'), '256')

    const places = await engine.docker('exec', '-u', '1000:1000', NODE, 'sh', '-c', FIND_WRITABLE)
    const found = places.out.split('\n').filter((line) => line !== '')
    assert.ok(found.includes('/data'), 'the volume is found')
    assert.deepEqual(
      found.filter((path) => !/^\/data(\/|$)/.test(path)),
      [],
    )
    // Even as root: what the API or an operator's shell leaves behind is not in the image either.
    const write =
      'for d in / /app /tmp /usr/local/bin /home/node; do touch $d/x && echo $d; done; true'
    const written = await engine.docker('exec', NODE, 'sh', '-c', write)
    assert.equal(written.out, '')
    const modes = await engine.docker(
      'exec',
      NODE,
      'stat',
      '-c',
      '%a %n',
      '/data/identity',
      '/data/identity/peer.key',
    )
    assert.equal(modes.out, '700 /data/identity\n600 /data/identity/peer.key\n')
  })

  test('becomes healthy', async () => {
    const health = () => engine.inspect(NODE, '{{.State.Health.Status}}')
    await waitFor(async () => (await health()) === 'healthy', {
      timeoutMs: 90_000,
      message: 'the health check passes',
    })
  })

  test('keeps its peer ID when it is recreated', async () => {
    const { peer_id } = await running(NODE)
    const id = await engine.inspect(NODE, '{{.Id}}')
    await engine.compose(envFile, 'up', '-d', '--force-recreate')
    assert.notEqual(await engine.inspect(NODE, '{{.Id}}'), id)
    assert.equal((await running(NODE)).peer_id, peer_id)
  })

  test('stops within ten seconds with code 0, its stores closed', async () => {
    await running(NODE)
    const askedAt = performance.now()
    await engine.docker('stop', '--time', '20', NODE)
    const ms = performance.now() - askedAt
    assert.ok(ms < 10_000, `it took ${ms} ms`)
    assert.equal(await engine.inspect(NODE, '{{.State.ExitCode}}'), '0')
    assert.equal(grepCount(await engine.logs(NODE), 'Stopped'), 1)

    const { peer_id } = await engine.docker('start', NODE).then(() => running(NODE))
    const logs = await engine.logs(NODE)
    assert.ok(logs.includes(peer_id))
    assert.doesNotMatch(logs, /recover|repair|quarantine|was not closed/i)
  })
})

/** A run of this test that was killed leaves its station behind; any other's is left alone. */
async function removeLeftover(engine: Engine): Promise<void> {
  const label = '{{index .Config.Labels "com.docker.compose.project"}}'
  const project = await engine.inspect(NODE, label).catch(() => '')
  if (project.startsWith('wesense-test-')) await engine.docker('rm', '-f', '-v', NODE)
}

function grepCount(text: string, word: string): number {
  return text.split('\n').filter((line) => line.includes(word)).length
}
