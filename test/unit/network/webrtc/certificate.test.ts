import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createSecureContext } from 'node:tls'

import { keptCertificate } from '../../../../src/network/webrtc/kept-certificate.ts'
import { createSelfSigned } from '../../../../src/network/webrtc/self-signed.ts'
import { tempDir } from '../../../support/temp-dir.ts'

const NOW_MS = Date.parse('2027-01-01T00:00:00Z')
const YEAR_MS = 365 * 86_400_000

test('a certificate of our own is whole, signed by its key, and valid for its time', () => {
  const { pem, privateKey, certhash, validUntilMs } = createSelfSigned(NOW_MS, NOW_MS + YEAR_MS)
  const certificate = new X509Certificate(pem)
  assert.equal(certificate.verify(certificate.publicKey), true)
  assert.equal(certificate.subject, 'CN=wesense-node')
  assert.equal(Date.parse(certificate.validFrom), NOW_MS)
  assert.equal(validUntilMs, NOW_MS + YEAR_MS)
  assert.match(certhash, /^uEi[\w-]{44}$/)
  assert.doesNotThrow(() => createSecureContext({ cert: pem, key: privateKey }))
})

test('the certificate is the same at every start, and its file is for nobody else', async (t) => {
  const path = join(await tempDir(t), 'network', 'webrtc.pem')
  const first = await keptCertificate(path, NOW_MS)
  assert.deepEqual(await keptCertificate(path, NOW_MS + 9 * YEAR_MS), first)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  const later = await keptCertificate(path, NOW_MS + 9.9 * YEAR_MS)
  assert.notEqual(later.certhash, first.certhash)
  assert.deepEqual(await keptCertificate(path, NOW_MS + 10 * YEAR_MS), later)
})

test('a file that cannot be read is left as it is', async (t) => {
  const folder = await tempDir(t)
  await assert.rejects(keptCertificate(folder, NOW_MS), { code: 'EISDIR' })
})

test('a damaged file is made anew', async (t) => {
  const path = join(await tempDir(t), 'webrtc.pem')
  const first = await keptCertificate(path, NOW_MS)
  const other = createSelfSigned(NOW_MS, NOW_MS + 10 * YEAR_MS)
  for (const text of ['', first.pem, first.pem + other.privateKey]) {
    await writeFile(path, text)
    const made = await keptCertificate(path, NOW_MS)
    assert.notEqual(made.certhash, first.certhash)
    assert.deepEqual(await keptCertificate(path, NOW_MS), made)
  }
})
