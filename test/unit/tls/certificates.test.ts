import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { test } from 'node:test'

import { createLogger, createMetrics, type Logger } from '../../../src/telemetry/index.ts'
import { type CertificatePair, loadCertificates } from '../../../src/tls/index.ts'
import { makePair, PairFolder } from '../../support/certificates.ts'
import { MovingClock } from '../../support/moving-clock.ts'
import { parseMetrics } from '../../support/node.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { waitFor } from '../../support/wait-for.ts'

const DAY_MS = 86_400_000
type CleanUp = { after(job: () => unknown): void }

interface Line {
  readonly level: string
  readonly msg: string
  readonly [field: string]: unknown
}

function recorder(): { logger: Logger; lines: Line[] } {
  const lines: Line[] = []
  const write = (line: string) => void lines.push(JSON.parse(line) as Line)
  return { logger: createLogger({ level: 'info', format: 'json', destination: { write } }), lines }
}

/** Certificates that are looked at when the test says so, beginning with `first`. */
async function watched(t: CleanUp, { hosts = ['localhost'] }: { hosts?: string[] } = {}) {
  const dir = await tempDir(t)
  const [first, second] = [await makePair(dir), await makePair(dir)]
  const folder = new PairFolder(dir)
  await folder.write(first)
  const clock = new MovingClock(Date.now())
  const metrics = createMetrics()
  const { logger, lines } = recorder()
  const intervalMs = 3_600_000
  const certificates = await loadCertificates(
    { certFile: folder.certFile, keyFile: folder.keyFile, hosts, intervalMs },
    { logger, metrics, clock },
  )
  const renewals: CertificatePair[] = []
  certificates.onRenewed((pair) => renewals.push(pair))
  certificates.start()
  t.after(() => certificates.stop())
  const idle = (looks: number) =>
    waitFor(() => clock.sleepsBegun >= looks, { message: `look ${looks} is over` })
  await idle(1)
  let looks = 1
  /** A leap past its end wakes who sleeps: the look that follows is over, too. */
  const pass = async (ms: number) => {
    clock.advance(ms)
    looks += 1
    await idle(looks)
  }
  const look = () => pass(intervalMs)
  const lookTwice = async () => {
    await look()
    await look()
  }
  const said = (msg: string | RegExp) => lines.filter((line) => line.msg.match(msg) !== null)
  const samples = async () => parseMetrics(await metrics.text())
  return {
    dir,
    first,
    second,
    folder,
    clock,
    certificates,
    renewals,
    pass,
    look,
    lookTwice,
    said,
    samples,
  }
}

for (const how of ['write', 'replace', 'relink'] as const) {
  test(`a pair that is renewed by ${how} is taken at the second look that finds it`, async (t) => {
    const { folder, first, second, certificates, renewals, look, samples } = await watched(t)
    await folder[how](second)
    await look()
    assert.deepEqual(certificates.current(), first)
    await look()
    assert.deepEqual(certificates.current(), second)
    assert.deepEqual(renewals, [second])
    await look()
    assert.equal(renewals.length, 1)
    const changes = (await samples()).get('wesense_tls_certificate_changes_total{outcome="taken"}')
    assert.equal(changes, 1)
  })
}

test('two halves that come apart in time are no news until they belong together', async (t) => {
  const { folder, second, certificates, look, said } = await watched(t)
  await folder.write({ cert: second.cert })
  await look()
  assert.equal(certificates.status().problem, null)
  await folder.write({ key: second.key })
  await look()
  await look()
  assert.deepEqual(certificates.current(), second)
  assert.equal(said(/refused/).length, 0)
})

test('a bad pair is told once, and the old one kept until a good one comes', async (t) => {
  const { folder, first, second, certificates, lookTwice, said, samples } = await watched(t)
  await folder.write({ cert: second.cert })
  await lookTwice()
  await lookTwice()
  assert.deepEqual(certificates.current(), first)
  assert.match(certificates.status().problem ?? '', /privkey\.pem" is not the key of/)
  const [refusal, ...more] = said(/refused/)
  assert.deepEqual([refusal?.code, refusal?.file, more], ['MISMATCH', folder.keyFile, []])
  const refused = 'wesense_tls_certificate_changes_total{outcome="mismatch"}'
  assert.equal((await samples()).get(refused), 1)

  await rm(folder.keyFile)
  await lookTwice()
  assert.match(certificates.status().problem ?? '', /cannot be read \(ENOENT\)/)
  assert.equal(said(/refused/).length, 2)

  await folder.write(second)
  await lookTwice()
  assert.deepEqual(certificates.current(), second)
  assert.equal(certificates.status().problem, null)
})

test('going back to the files of before ends the problem without a renewal', async (t) => {
  const { folder, first, renewals, certificates, lookTwice } = await watched(t)
  await folder.write({ cert: 'nonsense' })
  await lookTwice()
  assert.match(certificates.status().problem ?? '', /holds no certificate/)
  await folder.write(first)
  await lookTwice()
  assert.equal(certificates.status().problem, null)
  assert.deepEqual(renewals, [])
})

test('a certificate whose time has not come is taken when it does', async (t) => {
  const { folder, first, second, pass, certificates, lookTwice } = await watched(t)
  // A clock that is ten days behind: even the first one is for a time to come.
  await pass(-10 * DAY_MS)
  await folder.write(second)
  await lookTwice()
  assert.deepEqual(certificates.current(), first)
  assert.match(certificates.status().problem ?? '', /is not valid before/)
  assert.equal(certificates.status().isNotYetValid, true)
  await pass(10 * DAY_MS)
  await lookTwice()
  assert.deepEqual(certificates.current(), second)
})

test('an expired certificate is not taken', async (t) => {
  const { dir, folder, first, pass, certificates, lookTwice } = await watched(t)
  const short = await makePair(dir, { days: 1 })
  await pass(2 * DAY_MS)
  await folder.write(short)
  await lookTwice()
  assert.deepEqual(certificates.current(), first)
  assert.match(certificates.status().problem ?? '', /expired at/)
})

test('the end is told at 14 days, 7 days, 1 day and when it is there, once each', async (t) => {
  const { clock, certificates, look, said, samples } = await watched(t)
  const { validUntilMs, isDue } = certificates.status()
  assert.equal(isDue, false)
  const soon = () => said(/expires soon/).length
  const expected = [
    [20, 0],
    [13, 1],
    [12, 1],
    [6, 2],
    [0.9, 3],
    [0.8, 3],
  ]
  for (const [days = 0, count] of expected) {
    clock.moveTo(validUntilMs - days * DAY_MS)
    await look()
    assert.equal(soon(), count, `${days} days before`)
  }
  assert.equal(certificates.status().isDue, true)
  clock.moveTo(validUntilMs)
  await look()
  await look()
  assert.equal(certificates.status().isExpired, true)
  assert.deepEqual([soon(), said(/has expired/).length], [3, 1])
  const expiry = 'wesense_tls_certificate_expiry_timestamp_seconds'
  assert.equal((await samples()).get(expiry), validUntilMs / 1000)
})

test('an announced host that the certificate is not for is named', async (t) => {
  const hosts = ['localhost', 'boot.example.org', '203.0.113.7']
  const { certificates, said } = await watched(t, { hosts })
  assert.deepEqual(certificates.status().uncoveredHosts, ['boot.example.org', '203.0.113.7'])
  assert.deepEqual(
    said(/not for an announced host/).map(({ host }) => host),
    ['boot.example.org', '203.0.113.7'],
  )
})

test('a listener that throws keeps nobody else from the renewal', async (t) => {
  const { folder, second, certificates, renewals, lookTwice, said } = await watched(t)
  const unsubscribe = certificates.onRenewed(() => {
    throw new Error('test')
  })
  const late: CertificatePair[] = []
  certificates.onRenewed((pair) => late.push(pair))
  await folder.replace(second)
  await lookTwice()
  assert.deepEqual([renewals, late], [[second], [second]])
  assert.equal(said(/did not take/).length, 1)
  unsubscribe()
})

test('a pair that cannot be served is refused at the start, and one that is too large unread', async (t) => {
  const dir = await tempDir(t)
  const { cert, key } = await makePair(dir)
  const folder = new PairFolder(dir)
  const load = () =>
    loadCertificates(
      { certFile: folder.certFile, keyFile: folder.keyFile, hosts: [] },
      { logger: recorder().logger, metrics: createMetrics() },
    )
  await folder.write({ cert })
  await assert.rejects(load(), { code: 'UNREADABLE', facts: { file: folder.keyFile } })
  await folder.write({ key: (await makePair(dir)).key })
  await assert.rejects(load(), { code: 'MISMATCH' })
  await folder.write({ key, cert: cert + ' '.repeat(300_000) })
  await assert.rejects(load(), { code: 'UNREADABLE', message: /it has 300\d+ bytes/ })
  await assert.rejects(
    loadCertificates(
      { certFile: '/dev/zero', keyFile: folder.keyFile, hosts: [] },
      { logger: recorder().logger, metrics: createMetrics() },
    ),
    { code: 'UNREADABLE', message: /it is no file/ },
  )
})
