import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { showSettings } from '../../../src/config/index.ts'
import { OTHER_PEER_ID, OWN_PEER_ID } from '../../support/api.ts'
import { loadedSettings, settingsProblems } from '../../support/settings.ts'

const SECRET = 'a-secret-of-some-length'
const URL = 'https://accounts.example.org/relay'
const HTTP = { RELAY_POLICY: 'http', RELAY_HOOK_URL: URL, RELAY_HOOK_SECRET: SECRET }

describe("the relay's settings", () => {
  const contradictions: readonly (readonly [string, Record<string, string>, RegExp])[] = [
    [
      'a list of nobody',
      { RELAY_POLICY: 'list' },
      /^RELAY_POLICY is list and RELAY_ALLOW names no/,
    ],
    [
      'a list that nobody reads',
      { RELAY_ALLOW: OWN_PEER_ID },
      /^RELAY_ALLOW is set and RELAY_POLICY is registry/,
    ],
    [
      'a hook without a place',
      { ...HTTP, RELAY_HOOK_URL: '' },
      /^RELAY_POLICY is http and RELAY_HOOK_URL is not set$/,
    ],
    [
      'a hook without a secret',
      { ...HTTP, RELAY_HOOK_SECRET: '' },
      /neither RELAY_HOOK_SECRET nor/,
    ],
    [
      'a hook that nobody asks',
      { ...HTTP, RELAY_POLICY: 'open' },
      /^RELAY_HOOK_\* is set and RELAY_POLICY is open/,
    ],
    [
      'two secrets',
      { ...HTTP, RELAY_HOOK_SECRET_FILE: 'secret' },
      /^RELAY_HOOK_SECRET and RELAY_HOOK_SECRET_FILE are both set/,
    ],
    [
      'a circuit faster than all together',
      { RELAY_RATE_KBPS: '1000', RELAY_CIRCUIT_KBPS: '1001' },
      /^RELAY_CIRCUIT_KBPS 1001 is more than RELAY_RATE_KBPS 1000$/,
    ],
    [
      'a circuit larger than the month',
      { RELAY_CIRCUIT_MB: '1001', RELAY_MONTHLY_GB: '1' },
      /^RELAY_CIRCUIT_MB 1001 is more than RELAY_MONTHLY_GB 1$/,
    ],
    [
      'more reservations than connections',
      { RELAY_MAX_RESERVATIONS: '101', MAX_CONNECTIONS: '100' },
      /^RELAY_MAX_RESERVATIONS 101 is more than MAX_CONNECTIONS 100$/,
    ],
  ]
  for (const [what, env, problem] of contradictions) {
    it(`refuse ${what}, whether the relay is on or not`, () => {
      for (const RELAY_ENABLED of ['true', 'false']) {
        const problems = settingsProblems({
          env: { ...env, RELAY_ENABLED },
          files: { secret: SECRET },
        })
        assert.equal(problems.length, 1, problems.join('\n'))
        assert.match(problems[0] ?? '', problem)
      }
    })
  }

  it('say all that is wrong at once', () => {
    const env = {
      RELAY_POLICY: 'http',
      RELAY_ALLOW: OWN_PEER_ID,
      RELAY_RATE_KBPS: '64',
      RELAY_CIRCUIT_KBPS: '65',
      RELAY_MAX_CIRCUITS: 'many',
    }
    assert.equal(settingsProblems({ env }).length, 5)
  })

  it('are refused by a near name in the environment as well', () => {
    assert.deepEqual(settingsProblems({ env: { RELAY_POLCY: 'open' } }), [
      'RELAY_POLCY (environment) is no setting; is RELAY_POLICY meant?',
    ])
    // What an orchestrator sets for a service named relay.
    loadedSettings({ env: { RELAY_PORT: 'tcp://10.0.0.1:80', RELAY_SERVICE_HOST: '10.0.0.1' } })
  })

  it('take the secret from its file, and never show it', () => {
    const { RELAY_HOOK_SECRET: _, ...rest } = HTTP
    const env = { ...rest, RELAY_HOOK_SECRET_FILE: '/run/secrets/hook' }
    const loaded = loadedSettings({ env, files: { '/run/secrets/hook': `${SECRET}\n` } })
    assert.equal(loaded.settings.relayHookSecret?.reveal(), SECRET)
    assert.ok(!JSON.stringify([loaded, showSettings(loaded)]).includes(SECRET))
    const [short = ''] = settingsProblems({ env, files: { '/run/secrets/hook': 'short' } })
    assert.match(short, /^RELAY_HOOK_SECRET_FILE "\/run\/secrets\/hook" must be 16 to 512/)
    assert.deepEqual(settingsProblems({ env }), [
      'RELAY_HOOK_SECRET_FILE "/run/secrets/hook" cannot be read (ENOENT)',
    ])
  })

  it('check the files of a list before the start, by line', () => {
    const env = { RELAY_POLICY: 'list', RELAY_ALLOW: `${OTHER_PEER_ID} ./peers.txt` }
    loadedSettings({ env, files: { './peers.txt': `# all\n${OWN_PEER_ID} # me\n` } })
    assert.deepEqual(settingsProblems({ env, files: { './peers.txt': 'a\n' } }), [
      'RELAY_ALLOW "./peers.txt" has no peer ID in line 1',
    ])
    loadedSettings({ env, isCheckingFiles: false })
  })

  it('show a limit that is not wanted as such, and one that follows the memory as not set', () => {
    const loaded = loadedSettings({ env: { RELAY_MONTHLY_GB: 'none' } })
    const shown = new Map(showSettings(loaded).map(({ name, value }) => [name, value]))
    assert.equal(shown.get('RELAY_MONTHLY_GB'), 'none')
    assert.equal(shown.get('RELAY_RATE_KBPS'), null)
  })

  const ANNOUNCED = { RELAY_ENABLED: 'true', ANNOUNCE_ADDRESS: 'relay.wesense.earth' }
  const warned: readonly (readonly [string, Record<string, string>, RegExp | null])[] = [
    ['a relay for members', {}, null],
    ['a relay with a hook over TLS', HTTP, null],
    ['a hook on this machine', { ...HTTP, RELAY_HOOK_URL: 'http://127.0.0.1:8080/' }, null],
    ['a hook on this machine, IPv6', { ...HTTP, RELAY_HOOK_URL: 'http://[::1]:8080/' }, null],
    ['an open relay', { RELAY_POLICY: 'open' }, /^RELAY_POLICY open: whoever/],
    [
      'an open relay of a private network',
      { RELAY_POLICY: 'open', NETWORK_KEY: 'ab'.repeat(32) },
      null,
    ],
    ['trust without authorities', { RELAY_POLICY: 'trusted' }, /without TRUST_AUTHORITIES/],
    ['a secret in clear', { ...HTTP, RELAY_HOOK_URL: 'http://10.0.0.1/' }, /sees the secret/],
    ['a relay that nobody finds', { ANNOUNCE_ADDRESS: '' }, /without ANNOUNCE_ADDRESS/],
  ]
  for (const [what, env, warning] of warned) {
    it(`are followed ${warning === null ? 'without' : 'with'} a warning: ${what}`, () => {
      const { warnings } = loadedSettings({ env: { ...ANNOUNCED, ...env } })
      assert.equal(warnings.length, warning === null ? 0 : 1, warnings.join('\n'))
      if (warning !== null) assert.match(warnings[0] ?? '', warning)
    })
  }

  it('warn of nothing while the relay is off', () => {
    assert.deepEqual(loadedSettings({ env: { RELAY_POLICY: 'open' } }).warnings, [])
  })
})
