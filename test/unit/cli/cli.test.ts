import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { COMMANDS } from '../../../src/cli/commands.ts'
import { makePair } from '../../support/certificates.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { runCommand, testProcess } from './harness.ts'

describe('the command line', () => {
  it('prints the version, for people and for programs', async () => {
    assert.deepEqual(await runCommand(['version']), {
      code: 0,
      out: 'wesense-node 1.2.3\n',
      error: '',
    })
    assert.equal((await runCommand(['--version'])).out, 'wesense-node 1.2.3\n')
    assert.equal((await runCommand(['-V', '--json'])).out, '{"version":"1.2.3"}\n')
  })

  it('helps with everything, within 100 columns, whatever the settings are', async () => {
    const { code, out } = await runCommand(['--help'], { env: { PORT: 'nonsense' } })
    assert.equal(code, 0)
    for (const text of ['start', 'health', 'identity show | export', '--libp2p-port', '--json']) {
      assert.ok(out.includes(text), text)
    }
    for (const line of out.split('\n')) assert.ok(line.length <= 100, line)
    assert.equal((await runCommand(['help'])).out, out)
  })

  it('helps with each command, within 100 columns', async () => {
    for (const { name, usage, summary } of COMMANDS) {
      const { code, out } = await runCommand([name, '--help'])
      assert.equal(code, 0)
      assert.ok(out.startsWith(`Usage: wesense-node ${usage} [flags]\n\n${summary}\n`), out)
      for (const line of out.split('\n')) assert.ok(line.length <= 100, line)
    }
    assert.match((await runCommand(['health', '-h'])).out, /Exit code 0/)
    assert.match((await runCommand(['start', '-h'])).out, /^ {2}--libp2p-port /m)
  })

  it('refuses an unknown command and unknown words with exit code 2', async () => {
    for (const argv of [
      ['stat'],
      ['config', 'edit'],
      ['identity', 'import'],
      ['start', 'now'],
      ['peers', 'x'],
    ]) {
      const { code, out, error } = await runCommand(argv)
      assert.equal(code, 2, argv.join(' '))
      assert.equal(out, '')
      assert.match(error, /^wesense-node: .+\n$/)
    }
  })

  it('prints every problem of the settings on a line, with exit code 2', async () => {
    const env = { PORT: 'x', WS_PORT: '-1' }
    const { code, out, error } = await runCommand(['start', '--prot', '1'], { env })
    assert.equal(code, 2)
    assert.equal(out, '')
    assert.deepEqual(error.trimEnd().split('\n'), [
      'wesense-node: --prot is no flag; is --port meant?',
      'wesense-node: WS_PORT "-1" (environment) must be a whole number from 0 to 65535',
      'wesense-node: PORT "x" (environment) must be a whole number from 0 to 65535',
    ])
    const json = JSON.parse((await runCommand(['config', 'check', '--json'], { env })).out)
    assert.equal(json.ok, false)
    assert.equal(json.problems.length, 2)
  })

  it('shows settings with their sources and no secrets', async () => {
    const env = { API_TOKEN: 'a-token-that-is-long-enough', ANNOUNCE_ADDRESS: '10.0.0.1' }
    const { code, out } = await runCommand(['config', 'show', '--port', '5300'], { env })
    assert.equal(code, 0)
    assert.match(out, /^PORT +--port +5300$/m)
    assert.match(out, /^API_TOKEN +environment +\[redacted\]$/m)
    assert.match(out, /^NODE_TTL_DAYS +default +7$/m)
    assert.match(out, /^ORBITDB_HEAP_MB +default +460 \(from the memory\)$/m)
    assert.match(out, /^warning: ANNOUNCE_ADDRESS 10\.0\.0\.1 is a private address/m)
    const json = JSON.parse((await runCommand(['config', '--json'], { env })).out)
    assert.deepEqual(json.settings.API_TOKEN, { value: '[redacted]', source: 'environment' })
    assert.deepEqual(json.settings.MAX_CONNECTIONS, { value: null, source: 'default' })
    assert.equal(json.warnings.length, 1)
  })

  it('shows a long list whole, within 100 columns', async () => {
    const addresses = Array.from(
      { length: 4 },
      (_, index) => `/dns4/${index}${'x'.repeat(50)}.org/tcp/4002`,
    )
    const env = { ORBITDB_BOOTSTRAP_PEERS: addresses.join(' ') }
    const { out } = await runCommand(['config', 'show'], { env })
    for (const line of out.split('\n')) assert.ok(line.length <= 100, line)
    const joined = out.replaceAll(/\s/g, '')
    for (const address of addresses) assert.ok(joined.includes(address), address)
  })

  it('starts nothing under a Node that is too old, and says which it needs', async () => {
    const { engines } = JSON.parse(readFileSync('package.json', 'utf8'))
    const least = Number(/\d+/.exec(engines.node)?.[0])
    const nodeVersion = `${least - 1}.9.1`
    const start = await runCommand(['start'], { process: { ...testProcess, nodeVersion } })
    assert.equal(start.code, 1)
    assert.match(
      start.error,
      new RegExp(
        `^wesense-node: The node needs Node.js ${least}, and this is ${nodeVersion}: .*\n$`,
      ),
    )
  })

  it('checks settings, the files they name and the heap against the memory', async () => {
    assert.equal((await runCommand(['config', 'check'])).out, 'The settings are good.\n')
    const heap = await runCommand(['config', 'check'], { env: { ORBITDB_HEAP_MB: '1000' } })
    assert.match(heap.out, /warning: ORBITDB_HEAP_MB 1000/)
    const env = { NETWORK_KEY_FILE: 'gone.key' }
    const missing = await runCommand(['config', 'check'], { env })
    assert.equal(missing.code, 2)
    assert.match(missing.error, /NETWORK_KEY_FILE "gone.key" cannot be read \(ENOENT\)/)
  })

  it('checks certificate files as a start does', async (t) => {
    const dir = await tempDir(t)
    const [certFile, keyFile] = [join(dir, 'cert.pem'), join(dir, 'key.pem')]
    const env = { TLS_ENABLED: 'true', TLS_CERTFILE: certFile, TLS_KEYFILE: keyFile }
    const readTextFile = (path: string) => readFileSync(path, 'utf8')
    const check = (...flags: string[]) =>
      runCommand(['config', 'check', ...flags], { env, readTextFile })
    const [pair, other] = [await makePair(dir), await makePair(dir)]
    await writeFile(certFile, pair.cert)
    await writeFile(keyFile, pair.key)
    assert.deepEqual(await check(), { code: 0, out: 'The settings are good.\n', error: '' })

    await writeFile(keyFile, other.key)
    const bad = await check()
    assert.deepEqual([bad.code, bad.out], [2, ''])
    assert.match(bad.error, /^wesense-node: ".*key\.pem" is not the key of ".*cert\.pem"\n$/)
    const { ok, problems } = JSON.parse((await check('--json')).out)
    assert.deepEqual([ok, problems.length], [false, 1])

    await writeFile(keyFile, pair.key)
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 31 * 86_400_000 })
    const expired = await check()
    assert.equal(expired.code, 0)
    assert.match(expired.out.replaceAll(/\s+/g, ' '), /warning: ".*cert\.pem" expired at 20/)
  })
})
