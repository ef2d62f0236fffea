import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Engine, FIND_WRITABLE, startEngine } from '../support/docker.ts'
import { PROJECT_ROOT } from '../support/process.ts'
import { waitFor } from '../support/wait-for.ts'

const IMAGE = 'wesense-node:user-test'
const LICENCES = '/app/dist/licences.txt'
/** As docker-compose.yml has it. */
const CONFINED = [
  ...['--read-only', '--security-opt', 'no-new-privileges', '--cap-drop', 'ALL'],
  ...['CHOWN', 'DAC_OVERRIDE', 'SETGID', 'SETPCAP', 'SETUID'].map((one) => `--cap-add=${one}`),
]
const NAME = `wesense-user-${process.pid}`

describe('the image', () => {
  const cleanups: (() => unknown)[] = []
  let engine: Engine

  before(async () => {
    engine = await startEngine({ after: (job) => cleanups.push(job) })
    await engine.docker('build', '-q', '-t', IMAGE, PROJECT_ROOT)
  })
  after(async () => {
    for (const cleanup of cleanups) await cleanup()
  })

  /** Starts a container; it and its volumes are gone after the test. */
  async function start(t: { after(job: () => unknown): void }, ...options: string[]) {
    t.after(() => engine.docker('rm', '-f', '-v', NAME).catch(() => {}))
    await engine.docker('run', '-d', '--name', NAME, '--network', 'none', ...options, IMAGE)
    const inside = async (...command: string[]) =>
      (await engine.docker('exec', NAME, ...command)).out.trim()
    await waitFor(() => inside('wesense-node', 'status', '--json'), {
      timeoutMs: 60_000,
      message: 'the node answers',
    })
    const owners = () => inside('sh', '-c', 'find /data -exec stat -c %u:%g {} + | sort -u')
    const uid = () => inside('sh', '-c', 'grep ^Uid: /proc/1/status')
    return { inside, owners, uid }
  }

  test('runs the node as process 1, as user 1000 unless told otherwise', async (t) => {
    const { inside, owners, uid } = await start(t)
    assert.match(await uid(), /^Uid:\t1000\t1000\t1000\t1000$/)
    assert.match(await inside('cat', '/proc/1/cmdline'), /main\.js/)
    assert.equal(await owners(), '1000:1000')
  })

  test('runs it as PUID:PGID, and gives it all of the data folder', async (t) => {
    const { inside, owners, uid } = await start(t, '-e', 'PUID=1234', '-e', 'PGID=4321')
    assert.match(await uid(), /^Uid:\t1234\t1234\t1234\t1234$/)
    assert.equal(await owners(), '1234:4321')
    assert.match(await inside('ls', '-l', '/data/identity'), /-rw-------/)
  })

  test('leaves a container alone that is started as a user', async (t) => {
    const { uid } = await start(t, '--user', '1000:1000', '-e', 'PUID=1234')
    assert.match(await uid(), /^Uid:\t1000\t1000\t1000\t1000$/)
  })

  test('takes over the volume of a station that ran as root, with its identity', async (t) => {
    const volume = `${NAME}-volume`
    t.after(async () => {
      await engine.docker('rm', '-f', '-v', NAME).catch(() => {})
      await engine.docker('volume', 'rm', '-f', volume)
    })
    // The entrypoint is passed by, as before it gave the folder to anyone.
    const asRoot = ['--user', '0', '-v', `${volume}:/data`, '--entrypoint', '/app/dist/main.js']
    await engine.docker('run', '-d', '--name', NAME, '--network', 'none', ...asRoot, IMAGE, 'start')
    const exec = (...command: string[]) => engine.docker('exec', NAME, ...command)
    const old = await waitFor(async () => (await exec('wesense-node', 'status', '--json')).out, {
      timeoutMs: 60_000,
      message: 'the node answers',
    })
    assert.equal((await exec('stat', '-c', '%u', '/data/identity/peer.key')).out.trim(), '0')
    await engine.docker('rm', '-f', NAME)

    const { inside, owners, uid } = await start(t, '-v', `${volume}:/data`, ...CONFINED)
    assert.match(await uid(), /^Uid:\t1000\t1000\t1000\t1000$/)
    assert.equal(await owners(), '1000:1000')
    const { peer_id } = JSON.parse(await inside('wesense-node', 'status', '--json'))
    assert.equal(peer_id, JSON.parse(old).peer_id)
  })

  test('runs read-only as a user from the start, with no capability at all', async (t) => {
    const { inside, uid } = await start(
      t,
      '--user',
      '1000:1000',
      '--read-only',
      '--cap-drop',
      'ALL',
      '--ipc',
      'none',
      '--ulimit',
      'msgqueue=0',
    )
    assert.match(await uid(), /^Uid:\t1000\t1000\t1000\t1000$/)
    assert.match(await inside('cat', '/proc/1/status'), /^CapBnd:\t0{16}$/m)
    const places = (await inside('sh', '-c', FIND_WRITABLE)).split('\n')
    assert.deepEqual(
      places.filter((path) => !/^\/data(\/|$)/.test(path)),
      [],
    )
  })

  test('holds no setting, no secret and no path of the machine that built it', async () => {
    const { out: history } = await engine.docker('history', '--no-trunc', IMAGE)
    assert.doesNotMatch(history, /TOKEN|SECRET|NETWORK_KEY|COPY \. /i)
    const environment = await engine.inspect(IMAGE, '{{json .Config.Env}}')
    assert.doesNotMatch(environment, /TOKEN|SECRET|_KEY/i)
    const script = `
      find / -xdev \\( -name '.env*' -o -name '*.key' -o -name '*.pem' -o -name .npmrc -o -name .git \\) \
        -not -path '/etc/ssl/*' -not -path '/usr/*' -not -path '/proc/*'
      grep -lE '"(file:)?/[a-z]+/' /app/dist/*.map /app/dist/chunks/*.map || true
      find /data -mindepth 1`
    const shell = ['--rm', '--entrypoint', 'sh', IMAGE, '-c', script]
    assert.equal((await engine.docker('run', ...shell)).out.trim(), '')
  })

  test('holds the licences of all that it is made from, and nothing of another licence', async () => {
    const { out } = await engine.docker(...['run', '--rm', '--entrypoint', 'cat', IMAGE], LICENCES)
    const names = [...out.matchAll(/^-{80}\n(\S+) \d/gm)].map(([, name]) => name)
    const some = [
      'libp2p',
      'helia',
      '@orbitdb/core',
      'classic-level',
      'fastify',
      'node-datachannel',
    ]
    for (const name of some) assert.ok(names.includes(name), name)
    assert.match(out, /Permission is hereby granted, free of charge/)
    assert.match(out, /Mozilla Public License Version 2\.0/)
  })

  test('refuses a PUID that is no number', async () => {
    const attempt = engine.docker('run', '--rm', '-e', 'PUID=me', IMAGE)
    await assert.rejects(attempt, /PUID and PGID are numbers/)
  })

  test('holds no package manager and nothing to build with', async () => {
    const tools = ['npm', 'npx', 'yarn', 'gcc', 'make', 'git']
    const script = `for t in ${tools.join(' ')}; do command -v $t; done; ls /app /app/dist`
    const { out } = await engine.docker('run', '--rm', IMAGE, 'sh', '-c', script)
    assert.doesNotMatch(out, /\/bin\//)
    assert.doesNotMatch(out, /node_modules|src/)
  })
})
