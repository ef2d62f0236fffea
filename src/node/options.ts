import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { ApiOptions } from '../api/index.ts'
import type { Settings } from '../config/index.ts'
import { type HostLimits, hostLimits, type NetworkOptions } from '../network/index.ts'
import type { RegistryOptions } from '../registry/index.ts'
import { relayOptions } from './relay-options.ts'

const MEGABYTE = 1_048_576
/** What is assumed where the system does not say how much memory there is. */
const UNKNOWN_MEMORY_MB = 1024
/** The HTTP contract's body limit: 100 KB. */
const BODY_LIMIT_BYTES = 100 * 1024

/** Limits from the memory this process may use, with the operator's own connection cap on top. */
export function limitsFrom(settings: Settings, memoryLimitBytes: number | null): HostLimits {
  const memoryMb =
    memoryLimitBytes === null ? UNKNOWN_MEMORY_MB : Math.floor(memoryLimitBytes / MEGABYTE)
  const limits = hostLimits(memoryMb)
  if (settings.maxConnections === null) return limits
  const { maxConnections } = settings
  const { connectionManager, tcp, ws, knownPeers } = limits
  // What has to hold all connections and more grows with them.
  const further = Math.max(0, maxConnections - connectionManager.maxConnections)
  return {
    ...limits,
    connectionManager: { ...connectionManager, maxConnections },
    tcp: { ...tcp, maxConnections: tcp.maxConnections + further },
    ws: { ...ws, maxConnections: ws.maxConnections + further },
    knownPeers: { ...knownPeers, maxPeers: knownPeers.maxPeers + further },
  }
}

/** @throws system errors of reading the certificate files. */
export async function networkOptions(
  settings: Settings,
  limits: HostLimits,
  version: string,
): Promise<NetworkOptions> {
  return {
    networkName: settings.networkName,
    networkKey:
      settings.networkKey === null ? null : Buffer.from(settings.networkKey.reveal(), 'hex'),
    listen: {
      hosts: settings.listenHosts,
      tcpPort: settings.libp2pPort,
      ws: settings.wsEnabled ? { port: settings.wsPort, tls: await readTls(settings) } : null,
    },
    announce: settings.announceAddresses,
    relay: relayOptions(settings, limits.relay),
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

async function readTls(settings: Settings): Promise<{ cert: string; key: string } | null> {
  const { tlsEnabled, tlsCertFile, tlsKeyFile } = settings
  if (!tlsEnabled || tlsCertFile === null || tlsKeyFile === null) return null
  const [cert, key] = await Promise.all([
    readFile(tlsCertFile, 'utf8'),
    readFile(tlsKeyFile, 'utf8'),
  ])
  return { cert, key }
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
