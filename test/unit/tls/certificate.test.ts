import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'

import { parseCertificate, timeProblem } from '../../../src/tls/certificate.ts'
import { makePair } from '../../support/certificates.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { TEST_TLS } from '../../support/tls.ts'

const FILES = { certFile: '/tls/chain.pem', keyFile: '/tls/key.pem' }

test('a whole pair says its names and its time', () => {
  const certificate = parseCertificate(TEST_TLS, FILES)
  assert.deepEqual(certificate.names, ['localhost', '127.0.0.1'])
  assert.equal(new Date(certificate.validFromMs).toISOString(), '2026-11-21T04:30:22.000Z')
  assert.equal(new Date(certificate.validUntilMs).toISOString(), '2126-10-28T04:30:22.000Z')
})

test('names and IPs are covered as browsers see it', async (t) => {
  const dir = await tempDir(t)
  const pair = await makePair(dir, {
    names: ['DNS:*.example.org', 'IP:203.0.113.7', 'IP:2001:db8::1'],
  })
  const { covers } = parseCertificate(pair, FILES)
  assert.deepEqual(
    ['boot.example.org', 'a.boot.example.org', 'example.org', '203.0.113.7', '203.0.113.8'].map(
      covers,
    ),
    [true, false, false, true, false],
  )
  assert.equal(covers('2001:db8::1'), true)
  const commonName = new X509Certificate(pair.cert).subject.replace('CN=', '')
  assert.match(commonName, /^made-/)
  assert.equal(covers(commonName), false)
})

test('what cannot be served is refused by the file that is wrong', async (t) => {
  const dir = await tempDir(t)
  const { cert, key } = await makePair(dir)
  const other = await makePair(dir)
  const damaged = cert.replace(
    /\n[A-Za-z0-9+/]{64}\n/,
    (line) => `\n${line.trim().split('').reverse().join('')}\n`,
  )
  const cases = [
    ['an empty chain', { cert: '', key }, 'NO_CERTIFICATE', FILES.certFile],
    ['a key where the chain should be', { cert: key, key }, 'NO_CERTIFICATE', FILES.certFile],
    ['half a certificate', { cert: cert.slice(0, 300), key }, 'NO_CERTIFICATE', FILES.certFile],
    [
      'a chain that ends within its second certificate',
      { cert: cert + other.cert.slice(0, 300), key },
      'NO_CERTIFICATE',
      FILES.certFile,
    ],
    ['a damaged certificate', { cert: damaged, key }, 'NO_CERTIFICATE', FILES.certFile],
    ['an empty key', { cert, key: '' }, 'NO_KEY', FILES.keyFile],
    ['half a key', { cert, key: key.slice(0, 80) }, 'NO_KEY', FILES.keyFile],
    ['the key of another certificate', { cert, key: other.key }, 'MISMATCH', FILES.keyFile],
  ] as const
  for (const [what, pair, code, file] of cases) {
    assert.throws(() => parseCertificate(pair, FILES), { code, facts: { file } }, what)
  }
  assert.doesNotThrow(() => parseCertificate({ cert: cert + other.cert, key }, FILES))
})

test('a certificate is refused before its time and from its end on', () => {
  const certificate = parseCertificate(TEST_TLS, FILES)
  const { validFromMs, validUntilMs } = certificate
  const codeAt = (ms: number) => timeProblem(certificate, ms, FILES)?.code ?? null
  assert.equal(codeAt(validFromMs - 1), 'NOT_YET_VALID')
  assert.equal(codeAt(validFromMs), null)
  assert.equal(codeAt(validUntilMs - 1), null)
  assert.equal(codeAt(validUntilMs), 'EXPIRED')
})
