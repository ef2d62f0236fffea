import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { addressScope } from '../../src/config/address-scope.ts'
import { hostOfEndpoint } from '../../src/config/endpoint.ts'
import { parseEnvFile } from '../../src/config/env-file.ts'
import { parseArguments, parseEndpoint } from '../../src/config/index.ts'
import { editDistance, nearMatch } from '../../src/config/near-match.ts'
import { flagOf } from '../../src/config/row.ts'
import { ROWS } from '../../src/config/table.ts'
import { loadedSettings, settingsProblems } from '../support/settings.ts'

const ID = '12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8'
const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/)
const dnsName = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))
const port = fc.integer({ min: 1, max: 65_535 })
const ip4 = fc.ipV4().filter((address) => address !== '0.0.0.0')
const ip6 = fc.ipV6().filter((address) => !/^[0:.]*$/.test(address))
const pin = fc.constantFrom('', `/p2p/${ID}`)
const junk = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(...':/[]%.,0123456789abcdefp2tcip4n-_ ='.split('')) }),
  fc.constantFrom('/ip4', '/dns/a/tcp', '/p2p/', `/p2p/${ID}`, '[', '::', '/ip6/::1/tcp/1/'),
)

describe('parsers of settings', () => {
  it('never throw on an address, and say no as the rest of a sentence', () => {
    fc.assert(
      fc.property(fc.array(junk, { maxLength: 6 }), (parts) => {
        const parsed = parseEndpoint(parts.join(''))
        if (!parsed.isOk) {
          assert.match(parsed.problem, /^(must|is|has) /)
          return
        }
        const host = hostOfEndpoint(parsed.value)
        assert.ok(host !== null)
        assert.ok(addressScope(host).length > 0)
      }),
      { numRuns: 3000 },
    )
  })

  it('read every host form back as the host and port it was made of', () => {
    const place = fc.oneof(
      fc.record({ kind: fc.constant('dns'), value: dnsName }),
      fc.record({ kind: fc.constant('ip4'), value: ip4 }),
      fc.record({ kind: fc.constant('ip6'), value: ip6 }),
    )
    fc.assert(
      fc.property(place, fc.option(port), pin, ({ kind, value }, withPort, suffix) => {
        const isBracketed = kind === 'ip6' && withPort !== null
        const host = isBracketed ? `[${value}]` : value
        const input = `${host}${withPort === null ? '' : `:${withPort}`}${suffix}`
        const parsed = parseEndpoint(input)
        assert.deepEqual(parsed, {
          isOk: true,
          value: {
            kind: 'host',
            input,
            host: { kind, value: value.toLowerCase() },
            port: withPort,
            peerId: suffix === '' ? null : ID,
          },
        })
      }),
    )
  })

  it('accept no multiaddr that the library refuses', () => {
    const step = fc.oneof(
      ip4.map((value) => `/ip4/${value}`),
      ip6.map((value) => `/ip6/${value}`),
      dnsName.map((value) => `/dns4/${value}`),
      dnsName.map((value) => `/dnsaddr/${value}`),
      port.map((value) => `/tcp/${value}`),
      fc.constantFrom(
        '/ws',
        '/wss',
        '/tls',
        '/p2p-circuit',
        `/p2p/${ID}`,
        '/quic-v1',
        '/tcp',
        '/x',
      ),
      junk.map((text) => `/${text}`),
    )
    let accepted = 0
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 5 }), (steps) => {
        const parsed = parseEndpoint(steps.join(''))
        if (!parsed.isOk || parsed.value.kind !== 'multiaddr') return
        accepted++
        multiaddr(parsed.value.multiaddr).getComponents()
      }),
      { numRuns: 3000 },
    )
    assert.ok(accepted > 100, `only ${accepted} were accepted, so little was compared`)
  })

  it('never throw on any setting, and what they accept survives being shown and read again', () => {
    const row = fc.constantFrom(...ROWS.filter(({ isSecret }) => isSecret !== true))
    fc.assert(
      fc.property(row, fc.oneof(junk, fc.nat().map(String), dnsName), ({ kind }, text) => {
        const parsed = kind.parse(text)
        if (!parsed.isOk) {
          assert.ok(parsed.problem.length > 0)
          return
        }
        assert.deepEqual(kind.parse(kind.format(parsed.value)), parsed)
      }),
      { numRuns: 5000 },
    )
  })

  it('never throw on a command line or a .env file', () => {
    const flag = fc.constantFrom(...ROWS.map(({ env }) => flagOf(env)), '--dotenv', '--', '-h')
    fc.assert(
      fc.property(fc.array(fc.oneof(junk, flag)), (argv) => {
        for (const problem of parseArguments(argv).problems) assert.ok(problem.length > 0)
      }),
    )
    const line = fc.oneof(
      junk,
      junk.map((text) => `PORT=${text}`),
      fc.constantFrom('A="x', "B='", 'C=`y`', '#', 'export D=1'),
    )
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        for (const { line: number } of parseEnvFile(lines.join('\n')).values.values()) {
          assert.ok(number >= 0)
        }
      }),
    )
  })

  it('put every problem on one line of its own, without control characters', () => {
    const env = fc.dictionary(fc.constantFrom(...ROWS.map(({ env }) => env), 'LIBP2P_X'), junk)
    fc.assert(
      fc.property(env, (values) => {
        const all = { ...values, WESENSE_UNKNOWN: 'so that there is a problem' }
        for (const problem of settingsProblems({ env: all })) {
          assert.doesNotMatch(problem, /[\p{Cc}\p{Zl}\p{Zp}]/u)
        }
      }),
    )
  })
})

describe('the near match', () => {
  it('finds a name with one letter changed, left out or added', () => {
    const known = ROWS.map(({ env }) => env)
    const name = fc.constantFrom(...known.filter((env) => env.length >= 8))
    fc.assert(
      fc.property(name, fc.nat(), fc.constantFrom('', 'X', 'XY'), (env, at, text) => {
        const index = at % env.length
        const typo = env.slice(0, index) + text + env.slice(index + 1)
        const near = nearMatch(typo, known)
        assert.ok(near !== null, typo)
        assert.ok(editDistance(typo, near) <= editDistance(typo, env), `${typo}: ${near}`)
      }),
    )
  })
})

describe('settings from text', () => {
  it('are the same from a flag, the environment and a file', () => {
    const row = fc.constantFrom(
      ...ROWS.filter(({ kind, isSecret }) => kind.label.startsWith('integer') && isSecret !== true),
    )
    fc.assert(
      fc.property(row, fc.integer({ min: 100, max: 300 }), ({ env, key, kind }, number) => {
        const text = String(number)
        if (!kind.parse(text).isOk || key === 'targetPeers') return
        const values = [
          loadedSettings({ argv: [flagOf(env), text] }),
          loadedSettings({ env: { [env]: text } }),
          loadedSettings({ files: { '.env': `${env}=${text}` } }),
        ].map(({ settings }) => settings[key])
        assert.deepEqual(values, [number, number, number])
      }),
    )
  })
})
