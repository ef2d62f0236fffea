import { isLoopbackHost } from './address-scope.ts'
import { announceWarnings } from './announce-rules.ts'
import type { Contradiction } from './contradiction.ts'
import { profileWarnings } from './profile-rules.ts'
import { relayContradictions, relayWarnings } from './relay-rules.ts'
import { SETTINGS, type SettingKey, type Settings } from './table.ts'

export function findContradictions(settings: Settings): Contradiction[] {
  return [
    ...equalPorts(settings),
    ...openApi(settings),
    ...tls(settings),
    ...webRtc(settings),
    ...relayContradictions(settings),
    ...others(settings),
  ]
}

function equalPorts(settings: Settings): Contradiction[] {
  const ports: readonly SettingKey[] = [
    'libp2pPort',
    ...(settings.wsEnabled ? (['wsPort'] as const) : []),
    'apiPort',
    ...(settings.publicPort === null ? [] : (['publicPort'] as const)),
  ]
  return ports.flatMap((key, index) =>
    ports
      .slice(index + 1)
      .filter((other) => settings[key] !== 0 && settings[other] === settings[key])
      .map((other) => ({
        keys: [key, other],
        problem:
          `${SETTINGS[key].env} and ${SETTINGS[other].env} are both ${settings[key]}: ` +
          'each needs a port of its own',
      })),
  )
}

function openApi(settings: Settings): Contradiction[] {
  const hasToken = settings.apiToken !== null || settings.apiTokenFile !== null
  const isGuarded = hasToken || settings.apiTrustedNetworks.length > 0
  if (isLoopbackHost(settings.apiHost) || isGuarded) return []
  return [
    {
      keys: ['apiHost', 'apiToken', 'apiTrustedNetworks'],
      problem:
        `API_HOST ${settings.apiHost} lets other machines write in this station's name: set ` +
        'API_TOKEN or API_TRUSTED_NETWORKS, or listen on 127.0.0.1',
    },
  ]
}

function tls(settings: Settings): Contradiction[] {
  if (!settings.tlsEnabled) return []
  const found: Contradiction[] = []
  const add = (key: SettingKey, state: string) => {
    found.push({ keys: [key], problem: `TLS_ENABLED is true and ${SETTINGS[key].env} is ${state}` })
  }
  if (settings.tlsCertFile === null) add('tlsCertFile', 'not set')
  if (settings.tlsKeyFile === null) add('tlsKeyFile', 'not set')
  if (!settings.wsEnabled) add('wsEnabled', 'false')
  return found
}

function webRtc({
  webRtcDirectPort: port,
  networkKey,
  networkKeyFile,
  relayEnabled,
  stunPort,
}: Settings): Contradiction[] {
  if (port === 'none') return []
  const found: Contradiction[] = []
  if (networkKey !== null || networkKeyFile !== null) {
    found.push({
      keys: ['webRtcDirectPort', 'networkKey', 'networkKeyFile'],
      problem: 'WEBRTC_DIRECT_PORT lets in who has no NETWORK_KEY: keep one of them',
    })
  }
  if (relayEnabled && port !== 0 && stunPort === port) {
    found.push({
      keys: ['webRtcDirectPort', 'stunPort'],
      problem: `WEBRTC_DIRECT_PORT and STUN_PORT are both ${port}: each needs a port of its own`,
    })
  }
  return found
}

function others(settings: Settings): Contradiction[] {
  const found: Contradiction[] = []
  if (settings.networkKey !== null && settings.networkKeyFile !== null) {
    found.push({
      keys: ['networkKey', 'networkKeyFile'],
      problem: 'NETWORK_KEY and NETWORK_KEY_FILE are both set: keep one',
    })
  }
  if (settings.apiToken !== null && settings.apiTokenFile !== null) {
    found.push({
      keys: ['apiToken', 'apiTokenFile'],
      problem: 'API_TOKEN and API_TOKEN_FILE are both set: keep one',
    })
  }
  const { targetPeers, maxConnections } = settings
  if (maxConnections !== null && targetPeers > maxConnections) {
    found.push({
      keys: ['targetPeers', 'maxConnections'],
      problem: `TARGET_PEERS ${targetPeers} is more than MAX_CONNECTIONS ${maxConnections}`,
    })
  }
  if (settings.listenHosts.length === 0) {
    found.push({ keys: ['listenHosts'], problem: 'LIBP2P_HOST names no address' })
  }
  return found
}

/** Settings that are followed as written, and may not do what was meant. */
export function findWarnings(settings: Settings): string[] {
  const warnings = [
    ...profileWarnings(settings),
    ...announceWarnings(settings),
    ...webRtcWarnings(settings),
    ...relayWarnings(settings),
    ...publicWarnings(settings),
  ]
  if (settings.apiTrustedNetworks.some((network) => network.endsWith('/0'))) {
    warnings.push('API_TRUSTED_NETWORKS trusts every address: whoever reaches the API may write')
  }
  return warnings
}

/** Its library has one socket, which is one for both families only where it is that of all interfaces. */
function webRtcWarnings({ webRtcDirectPort, listenHosts }: Settings): string[] {
  const isEverywhere = ['0.0.0.0', '::'].every((host) => listenHosts.includes(host))
  if (webRtcDirectPort === 'none' || listenHosts.length === 1 || isEverywhere) return []
  return [
    `WEBRTC_DIRECT_PORT is open at ${listenHosts[0]} alone, the first of LIBP2P_HOST: ` +
      'it takes one address, or 0.0.0.0 and :: for all',
  ]
}

function publicWarnings({
  publicPort,
  publicHost,
  publicToken,
  tlsEnabled,
  trustedProxies,
}: Settings): string[] {
  if (publicPort === null) return []
  const warnings: string[] = []
  if (publicToken !== null && !tlsEnabled && !isLoopbackHost(publicHost)) {
    warnings.push('PUBLIC_TOKEN without TLS_ENABLED: the network between sees the token')
  }
  if (trustedProxies.some((network) => network.endsWith('/0'))) {
    warnings.push('TRUSTED_PROXIES trusts every address: any client can pretend to be another')
  }
  return warnings
}
