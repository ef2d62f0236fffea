import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { showSettings } from '../../../src/config/index.ts'
import { loadedSettings, settingsProblems } from '../../support/settings.ts'

const TOKEN = 'a-token-that-is-long-enough'
const KEY = '0123456789abcdef'.repeat(4)
const PEM = '-----BEGIN CERTIFICATE-----\n'

describe('loading settings', () => {
  it('takes flags over environment over file over default', () => {
    const files = { '.env': 'PORT=1111\nWS_PORT=1112\nLIBP2P_PORT=1113\n' }
    const env = { PORT: '2221', WS_PORT: '2222' }
    const { settings, sources } = loadedSettings({ argv: ['--port', '3331'], env, files })
    assert.equal(settings.apiPort, 3331)
    assert.equal(settings.wsPort, 2222)
    assert.equal(settings.libp2pPort, 1113)
    assert.equal(settings.nodeTtlDays, 7)
    assert.equal(sources.apiPort.label, '--port')
    assert.equal(sources.wsPort.label, 'environment')
    assert.equal(sources.libp2pPort.label, '.env line 3')
    assert.equal(sources.nodeTtlDays.label, 'default')
  })

  it('counts empty variables and empty lines as not set', () => {
    const files = { '.env': 'LOG_LEVEL=\nWS_PORT=""\n' }
    const { settings, sources } = loadedSettings({ env: { PORT: '', NODE_TTL_DAYS: ' ' }, files })
    assert.equal(settings.apiPort, 5200)
    assert.equal(settings.nodeTtlDays, 7)
    assert.equal(settings.logLevel, 'info')
    assert.equal(sources.wsPort.kind, 'default')
    const empty = loadedSettings({ env: { PORT: '' }, files: { '.env': 'PORT=1111' } })
    assert.equal(empty.settings.apiPort, 1111, 'an empty variable does not hide the file')
  })

  it('leaves the environment it was handed as it was', () => {
    const env = Object.freeze({ PORT: '5201' })
    loadedSettings({ env, files: { '.env': 'WS_PORT=5202' } })
    assert.deepEqual(env, { PORT: '5201' })
  })

  it('does without a default .env, and refuses a named file that is missing', () => {
    loadedSettings()
    const problems = settingsProblems({ argv: ['--dotenv', 'other.env'] })
    assert.deepEqual(problems, ['other.env cannot be read (ENOENT)'])
    const files = { 'other.env': 'PORT=1234', '.env': 'PORT=4321' }
    const { settings, sources } = loadedSettings({ argv: ['--dotenv=other.env'], files })
    assert.equal(settings.apiPort, 1234)
    assert.equal(sources.apiPort.label, 'other.env line 1')
  })

  it('reports all problems at once, one line each', () => {
    const problems = settingsProblems({
      argv: ['--prot', '1', '--node-ttl-days=0'],
      env: { LIBP2P_PROT: '1', WS_PORT: '70000', HOME: '/root', ZENOH_MODE: 'x' },
      files: {
        '.env': 'LOG_LEVL=info\nTLS_ENABLED=true\nANNOUNCE_ADDRESS bootstrap.example.org\n',
      },
    })
    assert.deepEqual(problems, [
      '--prot is no flag; is --port meant?',
      'LIBP2P_PROT (environment) is no setting; is LIBP2P_PORT meant?',
      'LOG_LEVL (.env line 1) is no setting; is LOG_LEVEL meant?',
      'ANNOUNCE_ADDRESS (.env line 3): the line is no NAME=value',
      'WS_PORT "70000" (environment) must be a whole number from 0 to 65535',
      'NODE_TTL_DAYS "0" (--node-ttl-days) must be a whole number from 1 to 365',
      'TLS_ENABLED is true and TLS_CERTFILE is not set',
      'TLS_ENABLED is true and TLS_KEYFILE is not set',
    ])
  })

  it('says of a flag that is given twice nothing more', () => {
    const argv = ['--libp2p-port', '25002', '--libp2p-port', '99999', '--mdns-enabled']
    assert.deepEqual(settingsProblems({ argv: [...argv, '--no-mdns-enabled'] }), [
      '--libp2p-port is given twice',
      '--mdns-enabled is given twice',
    ])
    const two = ['--port=4002', '--port=4002']
    assert.deepEqual(settingsProblems({ argv: two }), ['--port is given twice'])
  })

  it('warns of a name that stands twice in a file, and takes the last', () => {
    const files = { '.env': 'PORT=1111\n\nPORT=1112\nWS_PORT=1113\n' }
    const { settings, warnings } = loadedSettings({ files })
    assert.equal(settings.apiPort, 1112)
    assert.deepEqual(warnings, ['PORT (.env lines 1 and 3) is set more than once: line 3 counts'])
  })

  it('knows what the container engine and orchestrators put in the environment', () => {
    loadedSettings({
      env: {
        WESENSE_ORBITDB_PORT: 'tcp://10.0.0.1:5200',
        WESENSE_ORBITDB_PORT_5200_TCP_ADDR: '10.0.0.1',
        WESENSE_ORBITDB_SERVICE_HOST: '10.0.0.1',
        ORBITDB_UNUSED: '',
        TZ: ':/etc/localtime',
      },
      files: { '.env': 'COMPOSE_PROJECT_NAME=x\nCOMPOSE_PROFILES=bootstrap\nPUID=1000\nPGID=1000' },
    })
  })

  it('tells which setting stands for a name that is nothing like it', () => {
    assert.deepEqual(settingsProblems({ env: { ORBITDB_DIR: '/x' } }), [
      'ORBITDB_DIR (environment) is no setting: everything is kept in DATA_DIR',
    ])
  })

  it('reads lists between commas and spaces, and repeated flags as one list', () => {
    const argv = ['--announce-address', 'a.org, b.org:4010', '--announce-address=c.org,a.org']
    const { announceAddresses } = loadedSettings({ argv }).settings
    assert.deepEqual(
      announceAddresses.map(({ input }) => input),
      ['a.org', 'b.org:4010', 'c.org'],
    )
  })

  it('never shows a secret', () => {
    const loaded = loadedSettings({ env: { API_TOKEN: TOKEN, NETWORK_KEY: KEY } })
    assert.equal(loaded.settings.apiToken?.reveal(), TOKEN)
    assert.equal(loaded.settings.networkKey?.reveal(), KEY)
    const shown = [
      JSON.stringify(loaded),
      inspect(loaded, { depth: 9, showHidden: true }),
      JSON.stringify(showSettings(loaded)),
      `${loaded.settings.apiToken}`,
    ]
    for (const text of shown) {
      assert.ok(!text.includes(TOKEN) && !text.includes(KEY), text)
      assert.match(text, /\[redacted\]/)
    }
  })

  it('takes the network key from its file, in both forms', () => {
    const env = { NETWORK_KEY_FILE: 'swarm.key' }
    const forms = [`${KEY.toUpperCase()}\n`, `/key/swarm/psk/1.0.0/\n/base16/\n${KEY}\n`]
    for (const text of forms) {
      const { settings } = loadedSettings({ env, files: { 'swarm.key': text } })
      assert.equal(settings.networkKey?.reveal(), KEY)
    }
    const [problem = ''] = settingsProblems({ env, files: { 'swarm.key': `${KEY}ff` } })
    assert.match(problem, /^NETWORK_KEY_FILE "swarm.key" must be 64 hex digits/)
    assert.ok(!problem.includes(KEY))
  })

  it("takes the API's token from its file", () => {
    const env = { API_HOST: '0.0.0.0', API_TOKEN_FILE: '/run/secrets/token' }
    const { settings } = loadedSettings({ env, files: { '/run/secrets/token': `${TOKEN}\n` } })
    assert.equal(settings.apiToken?.reveal(), TOKEN)
    const asked = loadedSettings({
      env,
      files: { '/run/secrets/token': TOKEN },
      isCheckingFiles: false,
    })
    assert.equal(asked.settings.apiToken?.reveal(), TOKEN, 'for a command too')
    assert.equal(loadedSettings({ env, isCheckingFiles: false }).settings.apiToken, null)
    const [problem = ''] = settingsProblems({ env, files: { '/run/secrets/token': 'short' } })
    assert.match(problem, /^API_TOKEN_FILE "\/run\/secrets\/token" must be 16 to 512/)
  })

  it('reads the files that settings name only when asked to', () => {
    const tls = { TLS_ENABLED: 'true', TLS_CERTFILE: 'c.pem', TLS_KEYFILE: 'k.pem' }
    const env = { ...tls, NETWORK_KEY_FILE: 'swarm.key' }
    assert.deepEqual(settingsProblems({ env }), [
      'TLS_CERTFILE "c.pem" cannot be read (ENOENT)',
      'TLS_KEYFILE "k.pem" cannot be read (ENOENT)',
      'NETWORK_KEY_FILE "swarm.key" cannot be read (ENOENT)',
    ])
    loadedSettings({ env, isCheckingFiles: false })
    assert.deepEqual(settingsProblems({ env: tls, files: { 'c.pem': PEM, 'k.pem': 'der' } }), [
      'TLS_KEYFILE "k.pem" is no PEM file',
    ])
    loadedSettings({ env: tls, files: { 'c.pem': PEM, 'k.pem': PEM } })
    loadedSettings({ env: { ...tls, TLS_ENABLED: 'false' } })
  })
})

describe('settings that contradict each other', () => {
  const cases: readonly (readonly [string, Record<string, string>, RegExp])[] = [
    ['two equal ports', { PORT: '4002' }, /^LIBP2P_PORT and PORT are both 4002/],
    ['an equal WebSocket port', { WS_PORT: '5200' }, /^WS_PORT and PORT are both 5200/],
    ['an open API', { API_HOST: '0.0.0.0' }, /^API_HOST 0\.0\.0\.0 .* API_TOKEN or/],
    ['an open API on IPv6', { API_HOST: '::' }, /^API_HOST :: /],
    [
      'TLS without WebSocket',
      { TLS_ENABLED: 'yes', TLS_CERTFILE: 'c', TLS_KEYFILE: 'c', WS_ENABLED: 'no' },
      /^TLS_ENABLED is true and WS_ENABLED is false$/,
    ],
    [
      'WebRTC in a private network',
      { WEBRTC_DIRECT_PORT: '4005', NETWORK_KEY: KEY },
      /^WEBRTC_DIRECT_PORT lets in who has no NETWORK_KEY/,
    ],
    [
      'one UDP port for two',
      { WEBRTC_DIRECT_PORT: '3478', RELAY_ENABLED: 'true' },
      /^WEBRTC_DIRECT_PORT and STUN_PORT are both 3478/,
    ],
    ['two tokens', { API_TOKEN: TOKEN, API_TOKEN_FILE: 'k' }, /^API_TOKEN and .*_FILE are both/],
    ['two network keys', { NETWORK_KEY: KEY, NETWORK_KEY_FILE: 'k' }, /^NETWORK_KEY and .*_FILE/],
    [
      'more wanted peers than connections',
      { TARGET_PEERS: '20', MAX_CONNECTIONS: '10' },
      /^TARGET_PEERS 20 is more than MAX_CONNECTIONS 10$/,
    ],
    ['nowhere to listen', { LIBP2P_HOST: ',' }, /^LIBP2P_HOST names no address$/],
  ]
  for (const [what, env, problem] of cases) {
    it(`refuses ${what}`, () => {
      const problems = settingsProblems({ env, files: { c: PEM, k: KEY } })
      assert.equal(problems.length, 1, problems.join('\n'))
      assert.match(problems[0] ?? '', problem)
    })
  }

  it('accepts equal ports of 0, and of a WebSocket that is off', () => {
    loadedSettings({ env: { PORT: '0', LIBP2P_PORT: '0', WS_PORT: '0' } })
    loadedSettings({ env: { WS_PORT: '4002', WS_ENABLED: 'off' } })
  })

  it('accepts an API beyond loopback with a token, or with trusted networks', () => {
    loadedSettings({ env: { API_HOST: '0.0.0.0', API_TOKEN: TOKEN } })
    loadedSettings({ env: { API_HOST: '::', API_TRUSTED_NETWORKS: '172.16.0.0/12' } })
    for (const API_HOST of ['127.0.0.1', '127.9.9.9', '::1', '[::1]', 'localhost']) {
      loadedSettings({ env: { API_HOST } })
    }
  })

  it('does not call a malformed token a missing one', () => {
    const problems = settingsProblems({ env: { API_HOST: '0.0.0.0', API_TOKEN: 'short' } })
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', /^API_TOKEN \[redacted\]/)
  })
})

describe('settings that are followed with a warning', () => {
  const announced: readonly (readonly [string, RegExp | null])[] = [
    ['bootstrap.wesense.earth', null],
    ['8.8.8.8:4002', null],
    ['[2a01:4f8::1]:4002', null],
    ['/dns4/bootstrap.wesense.earth/tcp/443/wss', null],
    ['127.0.0.1', /loopback/],
    ['localhost:4002', /loopback/],
    ['::1', /loopback/],
    ['::ffff:127.0.0.1', /loopback/],
    ['192.168.1.5', /private/],
    ['/ip4/10.0.0.1/tcp/4002', /private/],
    ['fd12::1', /private/],
    ['station.local', /private/],
    ['station', /private/],
    ['169.254.1.1', /link-local/],
    ['fe80::1', /link-local/],
    ['100.64.3.4', /provider/],
    ['bootstrap.example.org', /documentation/],
    ['203.0.113.9', /documentation/],
    ['8.8.8.8:443', null],
    ['8.8.8.8:53', /8\.8\.8\.8:53 means port 53: below 1024, peers dial 80 and 443 alone/],
    ['/dns4/bootstrap.wesense.earth/tcp/853/ws', /means port 853: below 1024/],
  ]
  for (const [address, reason] of announced) {
    it(`announces ${address} as written ${reason === null ? 'without' : 'with'} a warning`, () => {
      const { settings, warnings } = loadedSettings({ env: { ANNOUNCE_ADDRESS: address } })
      assert.equal(settings.announceAddresses[0]?.input, address)
      assert.equal(warnings.length, reason === null ? 0 : 1, warnings.join('\n'))
      if (reason !== null) assert.match(warnings[0] ?? '', reason)
    })
  }

  it('warns of a listener that an address without a port stands for', () => {
    const env = { ANNOUNCE_ADDRESS: '8.8.8.8', LIBP2P_PORT: '853', WS_PORT: '443' }
    assert.match(loadedSettings({ env }).warnings.join('\n'), /^ANNOUNCE_ADDRESS 8.+ port 853: .+$/)
    const anyPort = { ANNOUNCE_ADDRESS: '8.8.8.8', LIBP2P_PORT: '0', WS_PORT: '853' }
    assert.deepEqual(loadedSettings({ env: { ...anyPort, WS_ENABLED: 'no' } }).warnings, [])
  })

  it('warns of profiles that are mistyped, or that start two nodes of one name', () => {
    const warningsOf = (COMPOSE_PROFILES: string) =>
      loadedSettings({ env: { COMPOSE_PROFILES, ANNOUNCE_ADDRESS: '8.8.8.8' } }).warnings
    for (const fine of ['bootstrap,relay', 'guardian', 'hub', 'lan', 'monitoring,lan']) {
      assert.deepEqual(warningsOf(fine), [], fine)
    }
    assert.deepEqual(warningsOf('bootstrap,relays'), [
      'COMPOSE_PROFILES "relays" is no profile; is relay meant?',
    ])
    assert.deepEqual(warningsOf('lan,relay'), [
      'COMPOSE_PROFILES has lan beside relay: both start a node of one name, so keep one',
    ])
  })

  const listened: readonly [string, string, RegExp | null][] = [
    ['127.0.0.1,::1', '4005', /127\.0\.0\.1 alone/],
    ['::,192.168.1.5', '0', /at :: alone/],
    ['0.0.0.0,::', '4005', null],
    ['::,0.0.0.0', '4005', null],
    ['192.168.1.5', '4005', null],
    ['127.0.0.1,::1', 'none', null],
  ]
  for (const [hosts, port, warning] of listened) {
    it(`listens on ${hosts} with WebRTC at ${port} ${warning === null ? 'without' : 'with'} a warning`, () => {
      const env = { LIBP2P_HOST: hosts, WEBRTC_DIRECT_PORT: port }
      const { warnings } = loadedSettings({ env })
      assert.equal(warnings.length, warning === null ? 0 : 1, warnings.join('\n'))
      if (warning !== null) assert.match(warnings[0] ?? '', warning)
    })
  }

  it('warns about an API that trusts everyone and a relay that nobody can reach', () => {
    const env = { API_TRUSTED_NETWORKS: '0.0.0.0/0', RELAY_ENABLED: 'true' }
    assert.equal(loadedSettings({ env }).warnings.length, 2)
  })
})
