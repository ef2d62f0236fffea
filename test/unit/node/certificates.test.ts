import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import {
  certificateCheck,
  certificateReply,
  certificatesOptions,
  certificateWarnings,
} from '../../../src/node/certificates.ts'
import type { CertificateStatus } from '../../../src/tls/index.ts'
import { loadedSettings } from '../../support/settings.ts'

const TLS = { TLS_ENABLED: 'true', TLS_CERTFILE: '/tls/chain.pem', TLS_KEYFILE: '/tls/key.pem' }
const NOW_MS = Date.parse('2027-01-01T00:00:00Z')
const DAY_MS = 86_400_000

function hostsOf(announce: string): readonly string[] | undefined {
  const env = { ...TLS, ANNOUNCE_ADDRESS: announce }
  return certificatesOptions(loadedSettings({ env, isCheckingFiles: false }).settings)?.hosts
}

function status(overrides: Partial<CertificateStatus> = {}): CertificateStatus {
  return {
    names: ['boot.example'],
    validFromMs: NOW_MS - 60 * DAY_MS,
    validUntilMs: NOW_MS + 30 * DAY_MS,
    isExpired: false,
    isNotYetValid: false,
    isDue: false,
    certFile: '/tls/chain.pem',
    keyFile: '/tls/key.pem',
    problem: null,
    uncoveredHosts: [],
    ...overrides,
  }
}

describe('the certificate has to be for', () => {
  for (const [what, announce, hosts] of [
    ['an announced name', 'boot.example', ['boot.example']],
    ['an announced IP', '203.0.113.7', ['203.0.113.7']],
    ['nothing where a port stands for TCP', 'boot.example:4002', []],
    ['the host of a multiaddr at its own port', '/dns4/b.example/tcp/4003/tls/ws', ['b.example']],
    ['the name in the handshake', '/ip4/203.0.113.7/tcp/4003/tls/sni/b.example/ws', ['b.example']],
    ['nothing that a proxy serves', '/dns/b.example/tcp/443/tls/ws', []],
    ['nothing of an address without TLS', '/dns/b.example/tcp/4003/ws', []],
    ['each host once', 'a.example,/dns/a.example/tcp/4003/wss', ['a.example']],
  ] as const) {
    it(what, () => assert.deepEqual(hostsOf(announce), hosts))
  }

  it('nobody without TLS', () => {
    const { settings } = loadedSettings({ env: { ...TLS, TLS_ENABLED: 'false' } })
    assert.equal(certificatesOptions(settings), null)
  })
})

describe('readiness', () => {
  it('says until when the certificate is good', () => {
    assert.deepEqual(certificateCheck(status(), NOW_MS), {
      name: 'certificate',
      ok: true,
      detail: 'valid until 2027-01-31T00:00:00.000Z',
    })
  })

  it('counts the days when they are few, and is given still', () => {
    const due = status({ isDue: true, validUntilMs: NOW_MS + 13.5 * DAY_MS })
    const { ok, detail } = certificateCheck(due, NOW_MS)
    assert.deepEqual([ok, detail], [true, 'expires in 13 days, at 2027-01-14T12:00:00.000Z'])
  })

  it('is missing when the time is over or has not come', () => {
    const over = certificateCheck(status({ isDue: true, isExpired: true }), NOW_MS)
    const early = certificateCheck(status({ isNotYetValid: true }), NOW_MS)
    assert.deepEqual([over.ok, early.ok], [false, false])
    assert.match(over.detail, /^expired at/)
    assert.match(early.detail, /^not valid before/)
  })
})

describe('warnings', () => {
  it('are none for a good certificate, and none without', () => {
    assert.deepEqual(certificateWarnings(status(), NOW_MS), [])
    assert.deepEqual(certificateWarnings(null, NOW_MS), [])
    assert.equal(certificateReply(null), null)
  })

  it('name what is due, what is refused and each host that is left out', () => {
    const found = certificateWarnings(
      status({
        isDue: true,
        validUntilMs: NOW_MS + DAY_MS,
        problem: '"/tls/key.pem" holds no private key',
        uncoveredHosts: ['other.example'],
      }),
      NOW_MS,
    )
    assert.deepEqual(found, [
      'TLS certificate: expires in 1 day, at 2027-01-02T00:00:00.000Z; its files: "/tls/key.pem" holds no private key',
      'TLS certificate: not for other.example, which is announced, but for boot.example',
    ])
  })

  it('leave to readiness what is a reason not to be ready', () => {
    assert.deepEqual(certificateWarnings(status({ isDue: true, isExpired: true }), NOW_MS), [])
  })
})
