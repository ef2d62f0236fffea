import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'

import { call } from '../support/api.ts'
import { type Program, QUIET_ENV, runProgram, startProgram } from '../support/process.ts'
import { findSecrets, type NamedSecret } from '../support/secret-finder.ts'
import { TEST_TLS } from '../support/tls.ts'
import { waitFor } from '../support/wait-for.ts'

type CleanUp = { after(job: () => unknown): void }

const READ = [
  ...['/status', '/health', '/peers', '/relay', '/metrics', '/openapi.json', '/readyz', '/livez'],
  ...['/nodes', '/trust', '/stores', '/attestations', '/trust/statements', '/trust/vouches'],
  ...['/registry/snapshot', '/stores/replication', '/nothing', '/nodes/%zz'],
]

/** One set of secrets, a folder, and all that came out of programs that were given them. */
async function scene(t: CleanUp) {
  const cwd = await mkdtemp(join(tmpdir(), 'wesense-test-'))
  const jobs: (() => unknown)[] = []
  t.after(async () => {
    for (const job of jobs.reverse()) await job()
    await rm(cwd, { recursive: true, force: true, maxRetries: 3 })
  })
  const hook = createServer((request, response) => {
    request.resume()
    response.end('{"allow":false}')
  })
  await once(hook.listen(0, '127.0.0.1'), 'listening')
  jobs.push(() => hook.close())

  const texts = {
    API_TOKEN: `tok-${randomBytes(18).toString('base64url')}`,
    NETWORK_KEY: randomBytes(32).toString('hex'),
    RELAY_HOOK_SECRET: `hook-${randomBytes(18).toString('base64url')}`,
  }
  const secrets: NamedSecret[] = [
    ...Object.entries(texts).map(([name, text]) => ({ name, bytes: Buffer.from(text) })),
    {
      name: 'the TLS key',
      bytes: Buffer.from(TEST_TLS.key.split('\n').slice(1, -2).join(''), 'base64'),
    },
    { name: 'the bytes of NETWORK_KEY', bytes: Buffer.from(texts.NETWORK_KEY, 'hex') },
  ]
  const { port } = hook.address() as AddressInfo
  const env = {
    RELAY_ENABLED: 'true',
    RELAY_POLICY: 'http',
    RELAY_HOOK_URL: `http://127.0.0.1:${port}/`,
    LOG_LEVEL: 'debug',
  }
  const file = async (name: string, text: string): Promise<string> => {
    const path = join(cwd, name)
    await writeFile(path, text, { mode: 0o600 })
    return path
  }
  const fromFiles = async () => ({
    ...env,
    TLS_ENABLED: 'true',
    TLS_CERTFILE: await file('cert.pem', TEST_TLS.cert),
    TLS_KEYFILE: await file('key.pem', TEST_TLS.key),
    API_TOKEN_FILE: await file('token', `${texts.API_TOKEN}\n`),
    NETWORK_KEY_FILE: await file(
      'swarm.key',
      `/key/swarm/psk/1.0.0/\n/base16/\n${texts.NETWORK_KEY}\n`,
    ),
    RELAY_HOOK_SECRET_FILE: await file('hook', `${texts.RELAY_HOOK_SECRET}\n`),
  })
  return {
    cwd,
    texts,
    secrets,
    fromEnvironment: { ...env, ...texts },
    fromFiles,
    file,
    start: (programEnv: Readonly<Record<string, string>>) =>
      startProgram({ after: (job) => jobs.push(job) }, { cwd, env: programEnv }),
    /** Adds the identity's key to what is looked for. */
    readKey: async (dataDir: string) => {
      const bytes = await readFile(join(dataDir, 'identity', 'peer.key'))
      secrets.push({ name: 'the identity', bytes: bytes.subarray(4, 36) })
      secrets.push({ name: 'the file of the identity', bytes })
    },
  }
}

/** Asks for all there is, with the token, with a wrong one and with the token where it does not belong. */
async function askEverything(program: Program, token: string): Promise<string> {
  const answers: string[] = []
  const ask = async (path: string, options: Parameters<typeof call>[2] = {}) => {
    const { text, headers } = await call(program.apiUrl, path, options)
    answers.push(text, JSON.stringify(headers))
  }
  const authorization = `Bearer ${token}`
  for (const path of READ) await ask(path, { headers: { authorization } })
  await ask('/status', { headers: { authorization: `Bearer wrong-${token.slice(8)}` } })
  await ask('/status', { headers: { authorization: `Basic ${btoa(`user:${token}`)}` } })
  await ask('/status', { headers: { authorization, origin: 'https://evil.example' } })
  await ask(`/status?access_token=${token}`)
  await ask('/nodes/one', { method: 'PUT', body: '{', headers: { authorization } })
  await ask('/nodes/one', { method: 'PUT', body: { regions: 7 }, headers: { authorization } })
  await ask('/nodes/one', { method: 'PUT', body: {}, headers: { authorization } })
  await ask('/nodes/one', { method: 'DELETE', headers: { authorization } })
  return answers.join('\n')
}

/** All files below a folder but the key itself, one after another. */
async function written(folder: string): Promise<Buffer> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.name !== 'peer.key')
  const parts = files.map((entry) => readFile(join(entry.parentPath, entry.name)))
  return Buffer.concat(await Promise.all(parts))
}

describe('a secret', { timeout: 120_000 }, () => {
  for (const from of ['the environment', 'files']) {
    it(`from ${from} is in nothing that the program prints, serves or writes`, async (t) => {
      const place = await scene(t)
      const { cwd, secrets, texts } = place
      const env = from === 'files' ? await place.fromFiles() : place.fromEnvironment
      const dataDir = join(cwd, 'data')
      const first = await place.start(env)
      await place.readKey(dataDir)
      const otherDir = join(cwd, 'other')
      const other = await place.start({
        ...env,
        DATA_DIR: otherDir,
        ORBITDB_BOOTSTRAP_PEERS: first.addresses[0] ?? '',
      })
      await place.readKey(otherDir)
      const isConnected = async () => (await call(first.apiUrl, '/peers')).json.peers.length === 1
      await waitFor(isConnected, { timeoutMs: 15_000, message: 'the two are connected' })

      const served = await askEverything(first, texts.API_TOKEN)
      const port = new URL(first.apiUrl).port
      const said: string[] = []
      const commands = [
        'config show',
        'config show --json',
        'config check',
        'status',
        'status --json',
      ]
      const all = [...commands, 'peers', 'relay show', 'health', 'identity show', 'version']
      await Promise.all(
        all.map(async (words) => {
          const args = [...words.split(' '), '--port', port]
          const { out, error } = await runProgram({ cwd, args, env: { ...QUIET_ENV, ...env } })
          said.push(out, error)
        }),
      )
      assert.match(said.join(), /\[redacted\]/)
      for (const program of [other, first]) {
        assert.equal((await program.stop()).code, 0)
        said.push(program.out(), program.error())
      }
      assert.match(said.join(), /answered a request/)
      assert.deepEqual(findSecrets(served, secrets), [])
      assert.deepEqual(findSecrets(said.join('\n'), secrets), [])
      for (const folder of [dataDir, otherDir]) {
        assert.deepEqual(findSecrets(await written(folder), secrets), [])
        const modeOf = async (path: string) => (await stat(join(folder, path))).mode & 0o777
        assert.equal(await modeOf('identity'), 0o700)
        assert.equal(await modeOf('identity/peer.key'), 0o600)
      }
    })
  }

  it('is not in the refusal of a bad setting', async (t) => {
    const { cwd, texts, secrets, file, fromEnvironment } = await scene(t)
    const cut = texts.NETWORK_KEY.slice(0, 62)
    const bad: Readonly<Record<string, string>>[] = [
      { NETWORK_KEY: `${cut}zz` },
      { API_TOKEN: `${texts.API_TOKEN.slice(0, 12)}` },
      { NETWORK_KEY_FILE: await file('bad.key', `/key/swarm/psk/1.0.0/\n/base64/\n${cut}`) },
      { RELAY_HOOK_SECRET: texts.RELAY_HOOK_SECRET.slice(0, 12), NETWORK_KEY: '' },
    ]
    const parts = [
      { name: 'a cut NETWORK_KEY', bytes: Buffer.from(cut) },
      { name: 'a cut API_TOKEN', bytes: Buffer.from(texts.API_TOKEN.slice(0, 12)) },
      { name: 'a cut RELAY_HOOK_SECRET', bytes: Buffer.from(texts.RELAY_HOOK_SECRET.slice(0, 12)) },
    ]
    for (const env of bad) {
      const { code, out, error } = await runProgram({
        cwd,
        args: ['start'],
        env: { ...QUIET_ENV, ...fromEnvironment, ...env },
      })
      assert.equal(code, 2, error)
      assert.match(error, new RegExp(Object.keys(env)[0] ?? ''))
      assert.deepEqual(findSecrets(out + error, [...secrets, ...parts]), [])
    }
    // A misspelt name in a file: the name is told, what it was set to is not.
    await writeFile(join(cwd, '.env'), `API_TOKN=${texts.API_TOKEN}\n`)
    const { code, error } = await runProgram({ cwd, args: ['start'], env: QUIET_ENV })
    assert.equal(code, 2)
    assert.match(error, /API_TOKN.*API_TOKEN/)
    assert.deepEqual(findSecrets(error, secrets), [])
  })

  it('is not in what a fatal error leaves behind, nor are dumps made unasked', async (t) => {
    const { cwd, secrets, fromEnvironment, readKey, start } = await scene(t)
    const fail = 'process.on("SIGUSR2", () => Promise.reject(new Error("made by the test")))'
    const program = await start({
      ...fromEnvironment,
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(fail)}`,
    })
    await readKey(join(cwd, 'data'))
    program.child.kill('SIGUSR2')
    assert.equal((await program.ended).code, 1)
    assert.match(program.out(), /Unhandled rejection/)
    assert.deepEqual(findSecrets(program.out() + program.error(), secrets), [])
    // No core, no heap snapshot, no diagnostic report.
    assert.deepEqual(await readdir(cwd), ['data'])
  })

  it('that comes from a file is not in a diagnostic report that an operator asks for', async (t) => {
    const { cwd, secrets, start, fromFiles, readKey } = await scene(t)
    const options = [
      '--report-on-signal',
      `--report-directory=${cwd}`,
      '--report-filename=report.json',
    ]
    const env = { ...(await fromFiles()), NODE_OPTIONS: options.join(' ') }
    const program = await start(env)
    await readKey(join(cwd, 'data'))
    program.child.kill('SIGUSR2')
    const report = await waitFor(
      async () => {
        const text = await readFile(join(cwd, 'report.json'), 'utf8')
        return JSON.parse(text) && text
      },
      { message: 'the report', timeoutMs: 10_000 },
    )
    // This one has no file to come from: docs/security.md says so.
    const others = secrets.filter(({ name }) => name !== 'API_TOKEN')
    assert.deepEqual(findSecrets(report, others), [])
  })
})

describe('the search for secrets', () => {
  it('finds a secret in every form that it looks for', () => {
    const bytes = randomBytes(33)
    const secrets = [{ name: 'it', bytes }]
    const hidden: (string | Buffer)[] = [
      Buffer.concat([Buffer.from('a'), bytes]),
      `x${bytes.toString('hex')}`,
      `[${bytes.join(',')}]`,
      ...[0, 1, 2].map((before) =>
        Buffer.concat([randomBytes(before), bytes, randomBytes(5)]).toString('base64'),
      ),
      Buffer.concat([randomBytes(4), bytes]).toString('base64url'),
    ]
    for (const text of hidden) assert.notDeepEqual(findSecrets(text, secrets), [])
    assert.deepEqual(findSecrets(randomBytes(5_000), secrets), [])
  })
})
