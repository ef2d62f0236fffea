import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'

import { hostLimits } from '../../../src/network/index.ts'
import {
  apiOptions,
  limitsFrom,
  networkOptions,
  registryOptions,
} from '../../../src/node/options.ts'
import type { CertificatePair } from '../../../src/tls/index.ts'
import { loadedSettings } from '../../support/settings.ts'

const GIGABYTE = 1024 ** 3

function settings(env: Readonly<Record<string, string>> = {}) {
  return loadedSettings({ env, isCheckingFiles: false }).settings
}

function network(env: Readonly<Record<string, string>> = {}, tls: CertificatePair | null = null) {
  return networkOptions(settings(env), hostLimits(1024), { version: '1.2.3', tls })
}

describe('limits', () => {
  it('follow the memory that the process may use', () => {
    assert.deepEqual(limitsFrom(settings(), 2 * GIGABYTE), hostLimits(2048))
    assert.deepEqual(limitsFrom(settings(), null), hostLimits(1024))
  })

  it('keep all else, the places of a relay excepted, when the operator caps the connections', () => {
    const limits = limitsFrom(settings({ MAX_CONNECTIONS: '40' }), GIGABYTE)
    const derived = hostLimits(1024)
    assert.equal(limits.connectionManager.maxConnections, 40)
    assert.deepEqual(
      { ...limits, connectionManager: null, relay: null },
      { ...derived, connectionManager: null, relay: null },
    )
    const { reservations, ...others } = limits.relay
    assert.deepEqual({ ...derived.relay, ...others }, derived.relay)
    assert.deepEqual(reservations, { ...derived.relay.reservations, total: 20 })
    assert.equal(
      limits.connectionManager.maxParallelDials,
      derived.connectionManager.maxParallelDials,
    )
  })
})

describe('the network is given', () => {
  it('what an empty environment means: every source, both listeners, no relay, no key', () => {
    const options = network({ DATA_DIR: '/data' })
    assert.deepEqual(options.listen, {
      hosts: ['0.0.0.0', '::'],
      tcpPort: 4002,
      ws: { port: 4003, tls: null },
    })
    assert.deepEqual(options.discovery, { mdns: {}, dht: {}, peerExchange: {}, registry: {} })
    assert.deepEqual(
      [options.networkName, options.networkKey, options.relay, options.connectionMonitorEnabled],
      ['wesense', null, null, false],
    )
    assert.equal(options.addressBookPath, join('/data', 'network', 'address-book.json'))
  })

  for (const [what, env, stun] of [
    ['no STUN without a relay', {}, null],
    ['STUN at its own port with a relay', { RELAY_ENABLED: 'true' }, { port: 3478 }],
    ['STUN at another port', { RELAY_ENABLED: 'true', STUN_PORT: '3479' }, { port: 3479 }],
    ['no STUN where it is not wanted', { RELAY_ENABLED: 'true', STUN_PORT: 'none' }, null],
  ] as const) {
    it(what, async () => assert.deepEqual(network(env).stun, stun))
  }

  it('no WebRTC unless it is asked for, and then a file for its certificate', () => {
    assert.equal(network().webRtcDirect, null)
    assert.deepEqual(network({ DATA_DIR: '/data', WEBRTC_DIRECT_PORT: '4005' }).webRtcDirect, {
      port: 4005,
      certificatePath: join('/data', 'network', 'webrtc-direct.pem'),
    })
  })

  for (const [env, key] of [
    ['MDNS_ENABLED', 'mdns'],
    ['DHT_ENABLED', 'dht'],
    ['PEER_EXCHANGE_ENABLED', 'peerExchange'],
    ['REGISTRY_DISCOVERY_ENABLED', 'registry'],
  ] as const) {
    it(`null for a source that ${env} turns off, and only for that one`, async () => {
      const { discovery } = network({ [env]: 'false' })
      const off = Object.entries(discovery).filter(([, options]) => options === null)
      assert.deepEqual(off, [[key, null]])
    })
  }

  it('seeds and announced addresses in the forms in which they were written', async () => {
    const { seeds, announce } = network({
      ORBITDB_BOOTSTRAP_PEERS: 'a.example, [2001:db8::1]:4102, /dnsaddr/b.example',
      ANNOUNCE_ADDRESS: 'me.example:4302',
    })
    assert.deepEqual(
      seeds.map(({ input }) => input),
      ['a.example', '[2001:db8::1]:4102', '/dnsaddr/b.example'],
    )
    assert.deepEqual(
      announce.map(({ input }) => input),
      ['me.example:4302'],
    )
  })

  it('the raw bytes of the network key', async () => {
    const { networkKey } = network({ NETWORK_KEY: 'ab'.repeat(32) })
    assert.deepEqual(Buffer.from(networkKey ?? []), Buffer.alloc(32, 0xab))
  })

  it('no WebSocket listener, certificate or not, when that is off', async () => {
    assert.equal(network({ WS_ENABLED: 'false' }).listen.ws, null)
  })

  it('the pair of the certificate files for the WebSocket listener', () => {
    const pair = { cert: 'the chain', key: 'the key' }
    assert.deepEqual(network({}, pair).listen.ws?.tls, pair)
    assert.equal(network({ WS_ENABLED: 'false' }, pair).listen.ws, null)
  })
})

describe('the registry and the API are given', () => {
  it('a folder of the data folder, the name, the days', () => {
    const limits = hostLimits(1024)
    const options = registryOptions(settings({ DATA_DIR: '/data', NODE_TTL_DAYS: '3' }), limits)
    assert.deepEqual(options, {
      directory: join('/data', 'registry'),
      networkName: 'wesense',
      nodeTtlDays: 3,
      limitBytes: 1024 * 1024 * 1024,
      trustAuthorities: [],
      bitswap: limits.bitswap,
    })
  })

  it('no limit of their size where it is 0', () => {
    const options = registryOptions(settings({ REGISTRY_MAX_MB: '0' }), hostLimits(1024))
    assert.equal(options.limitBytes, null)
  })

  it('the token in clear, and the body limit of the contract', () => {
    const options = apiOptions(
      settings({
        API_TOKEN: 'a-token-of-some-length',
        API_TRUSTED_NETWORKS: '10.0.0.0/8',
        API_ALLOWED_HOSTS: 'hub.example.org',
      }),
    )
    assert.deepEqual(options, {
      host: '127.0.0.1',
      port: 5200,
      token: 'a-token-of-some-length',
      trustedNetworks: ['10.0.0.0/8'],
      allowedHosts: ['hub.example.org'],
      rateLimitPerMinute: 600,
      consensusThreshold: 2,
      bodyLimitBytes: 102_400,
    })
    assert.equal(apiOptions(settings()).token, null)
  })
})
