import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { type Caller, createAccessPolicy } from '../../../src/api/http/access.ts'

const TOKEN = 'a-token-of-some-length'
const LAN = '192.168.1.20'
const STRANGER = '203.0.113.9'

function caller(overrides: Partial<Caller> = {}): Caller {
  return {
    address: '127.0.0.1',
    authorization: undefined,
    host: 'localhost:5200',
    origin: undefined,
    fetch: fetched(),
    ...overrides,
  }
}

/** By no browser, unless told otherwise. */
function fetched(overrides: Partial<Caller['fetch']> = {}): Caller['fetch'] {
  return { method: 'GET', site: undefined, mode: undefined, dest: undefined, ...overrides }
}

function decide(overrides: Partial<Caller>, token: string | null = TOKEN): string {
  const policy = createAccessPolicy({
    token,
    trustedNetworks: ['192.168.0.0/16', 'fd00::/8'],
    allowedHosts: ['hub.example'],
  })
  return policy.refusal(caller(overrides))?.code ?? 'allowed'
}

describe('access to the API', () => {
  const cases: [string, Partial<Caller>, string][] = [
    ['loopback', {}, 'allowed'],
    ['loopback over IPv6', { address: '::1', host: '[::1]:5200' }, 'allowed'],
    ['loopback through an IPv6 socket', { address: '::ffff:127.0.0.1' }, 'allowed'],
    ['a trusted network', { address: LAN }, 'allowed'],
    ['a trusted network through an IPv6 socket', { address: `::ffff:${LAN}` }, 'allowed'],
    ['a trusted IPv6 network', { address: 'fd12::1' }, 'allowed'],
    ['a stranger', { address: STRANGER }, 'TOKEN_REQUIRED'],
    ['a stranger over IPv6', { address: '2001:db8::1' }, 'TOKEN_REQUIRED'],
    ['a socket that is gone', { address: undefined }, 'TOKEN_REQUIRED'],
    [
      'a stranger with the token',
      { address: STRANGER, authorization: `Bearer ${TOKEN}` },
      'allowed',
    ],
    ['a stranger with a word', { address: STRANGER, authorization: 'Bearer x' }, 'TOKEN_INVALID'],
    [
      'a stranger with the token and more',
      { address: STRANGER, authorization: `Bearer ${TOKEN}x` },
      'TOKEN_INVALID',
    ],
    [
      'a stranger with the token as password',
      { address: STRANGER, authorization: `Basic ${btoa(`:${TOKEN}`)}` },
      'TOKEN_REQUIRED',
    ],
    ['a page of another site', { origin: 'https://evil.example' }, 'ORIGIN_NOT_ALLOWED'],
    ['a page without origin', { origin: 'null' }, 'ORIGIN_NOT_ALLOWED'],
    ['our own page', { origin: 'http://localhost:5200' }, 'allowed'],
    ['a page of another port', { origin: 'http://localhost:3000' }, 'ORIGIN_NOT_ALLOWED'],
    ['a rebound name', { host: 'evil.example:5200' }, 'HOST_NOT_ALLOWED'],
    [
      'a rebound name with its own origin',
      { host: 'evil.example', origin: 'http://evil.example' },
      'HOST_NOT_ALLOWED',
    ],
    [
      'a page of another site on the LAN',
      { address: LAN, origin: 'http://a' },
      'ORIGIN_NOT_ALLOWED',
    ],
    [
      'another site with the token',
      { origin: 'https://console.example', authorization: `Bearer ${TOKEN}` },
      'allowed',
    ],
    [
      'an image on a page of another site',
      { fetch: fetched({ site: 'cross-site', mode: 'no-cors', dest: 'image' }) },
      'ORIGIN_NOT_ALLOWED',
    ],
    [
      'a page of another port of this host',
      { fetch: fetched({ site: 'same-site', mode: 'no-cors', dest: 'empty' }) },
      'ORIGIN_NOT_ALLOWED',
    ],
    [
      'a frame on a page of another site',
      { fetch: fetched({ site: 'cross-site', mode: 'navigate', dest: 'iframe' }) },
      'ORIGIN_NOT_ALLOWED',
    ],
    [
      'a form on a page of another site',
      {
        fetch: fetched({ method: 'POST', site: 'cross-site', mode: 'navigate', dest: 'document' }),
      },
      'ORIGIN_NOT_ALLOWED',
    ],
    [
      'a link on a page of another site that somebody followed',
      { fetch: fetched({ site: 'cross-site', mode: 'navigate', dest: 'document' }) },
      'allowed',
    ],
    [
      'an address that somebody typed',
      { fetch: fetched({ site: 'none', mode: 'navigate', dest: 'document' }) },
      'allowed',
    ],
    [
      'a script of our own page',
      { fetch: fetched({ site: 'same-origin', mode: 'cors', dest: 'empty' }) },
      'allowed',
    ],
    [
      'a word that no browser says',
      { fetch: fetched({ site: 'same-origin,cross-site' }) },
      'ORIGIN_NOT_ALLOWED',
    ],
    ['the container alias', { address: LAN, host: 'wesense-orbitdb:5200' }, 'allowed'],
    ['a host that was allowed', { address: LAN, host: 'Hub.Example' }, 'allowed'],
  ]
  for (const [who, overrides, verdict] of cases) {
    it(`is ${verdict} for ${who}`, () => assert.equal(decide(overrides), verdict))
  }

  it('tells a stranger that no token would help when none is set', () => {
    const authorization = `Bearer ${TOKEN}`
    assert.equal(decide({ address: STRANGER, authorization }, null), 'ADDRESS_NOT_TRUSTED')
  })

  it('asks for a bearer token in the way HTTP has for it', () => {
    const policy = createAccessPolicy({ token: TOKEN, trustedNetworks: [], allowedHosts: [] })
    const refusal = policy.refusal(caller({ address: STRANGER }))
    assert.equal(refusal?.headers['www-authenticate'], 'Bearer')
  })
})
