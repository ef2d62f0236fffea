import { join } from 'node:path'

import type { ApiOptions, PublicApiOptions } from '../api/index.ts'
import { ownMemoryBytes, type Settings } from '../config/index.ts'
import { type HostLimits, hostLimits, type NetworkOptions } from '../network/index.ts'
import type { RegistryOptions } from '../registry/index.ts'
import type { CertificatePair } from '../tls/index.ts'
import { relayOptions } from './relay-options.ts'

const MEGABYTE = 1_048_576
/** What is assumed where the system does not say how much memory there is. */
const UNKNOWN_MEMORY_MB = 1024
/** The HTTP contract's body limit: 100 KB. */
const BODY_LIMIT_BYTES = 100 * 1024

/** Limits from the memory this process may use, with the operator's own connection cap on top. */
export function limitsFrom(settings: Settings, memoryLimitBytes: number | null): HostLimits {
  const ownBytes = ownMemoryBytes(settings, memoryLimitBytes)
  const memoryMb = ownBytes === null ? UNKNOWN_MEMORY_MB : Math.floor(ownBytes / MEGABYTE)
  const limits = hostLimits(memoryMb)
  if (settings.maxConnections === null) return limits
  const { maxConnections } = settings
  const { connectionManager, tcp, ws, knownPeers, relay } = limits
  const { reservations } = relay
  // What has to hold all connections and more grows with them.
  const further = Math.max(0, maxConnections - connectionManager.maxConnections)
  // Each who has a place at the relay holds one.
  const half = Math.floor(maxConnections / 2)
  return {
    ...limits,
    connectionManager: { ...connectionManager, maxConnections },
    tcp: { ...tcp, maxConnections: tcp.maxConnections + further },
    ws: { ...ws, maxConnections: ws.maxConnections + further },
    knownPeers: { ...knownPeers, maxPeers: knownPeers.maxPeers + further },
    relay: {
      ...relay,
      reservations: { ...reservations, total: Math.min(reservations.total, half) },
    },
  }
}

/** @param tls what the WebSocket port starts with; null serves it without TLS */
export function networkOptions(
  settings: Settings,
  limits: HostLimits,
  { version, tls }: { readonly version: string; readonly tls: CertificatePair | null },
): NetworkOptions {
  return {
    networkName: settings.networkName,
    networkKey:
      settings.networkKey === null ? null : Buffer.from(settings.networkKey.reveal(), 'hex'),
    listen: {
      hosts: settings.listenHosts,
      tcpPort: settings.libp2pPort,
      ws: settings.wsEnabled ? { port: settings.wsPort, tls } : null,
    },
    webRtcDirect: webRtcOptions(settings),
    announce: settings.announceAddresses,
    relay: relayOptions(settings, limits.relay),
    stun: stunOptions(settings),
    relayClient: settings.relayClient === 'auto' ? {} : null,
    limits,
    connectionMonitorEnabled: settings.connectionMonitorEnabled,
    version,
    seeds: settings.bootstrapPeers,
    targetPeers: settings.targetPeers,
    discovery: {
      mdns: settings.mdnsEnabled ? {} : null,
      dht: settings.dhtEnabled ? {} : null,
      peerExchange: settings.peerExchangeEnabled ? {} : null,
      registry: settings.registryDiscoveryEnabled ? {} : null,
    },
    inboundExemptNetworks: settings.inboundExemptNetworks,
    namedPeers: [
      ...settings.trustAuthorities,
      ...settings.relayAllow.flatMap(({ kind, value }) => (kind === 'peer' ? [value] : [])),
    ],
    addressBookPath: join(settings.dataDir, 'network', 'address-book.json'),
    bansPath: join(settings.dataDir, 'network', 'bans.json'),
  }
}

function webRtcOptions({ webRtcDirectPort: port, dataDir }: Settings) {
  if (port === 'none') return null
  return { port, certificatePath: join(dataDir, 'network', 'webrtc-direct.pem') }
}

function stunOptions({ relayEnabled, stunPort: port }: Settings): { port: number } | null {
  return relayEnabled && port !== 'none' ? { port } : null
}

export function registryOptions(settings: Settings, limits: HostLimits): RegistryOptions {
  return {
    directory: join(settings.dataDir, 'registry'),
    networkName: settings.networkName,
    nodeTtlDays: settings.nodeTtlDays,
    limitBytes: settings.registryMaxMb === 0 ? null : settings.registryMaxMb * MEGABYTE,
    trustAuthorities: settings.trustAuthorities,
    bitswap: limits.bitswap,
  }
}

/** null: there is no public listener. */
export function publicOptions(
  settings: Settings,
  { peerId, version }: { readonly peerId: string; readonly version: string },
): PublicApiOptions | null {
  if (settings.publicPort === null) return null
  return {
    host: settings.publicHost,
    port: settings.publicPort,
    peerId,
    networkName: settings.networkName,
    version,
    endpoints: settings.publicEndpoints,
    restricted: settings.publicRestricted,
    allowedNetworks: settings.publicAllowedNetworks,
    token: settings.publicToken?.reveal() ?? null,
    trustedProxies: settings.trustedProxies,
    rateLimitPerMinute: settings.publicRateLimit,
  }
}

export function apiOptions(settings: Settings): ApiOptions {
  return {
    host: settings.apiHost,
    port: settings.apiPort,
    token: settings.apiToken?.reveal() ?? null,
    trustedNetworks: settings.apiTrustedNetworks,
    allowedHosts: settings.apiAllowedHosts,
    rateLimitPerMinute: settings.apiRateLimit,
    consensusThreshold: settings.consensusThreshold,
    bodyLimitBytes: BODY_LIMIT_BYTES,
  }
}
