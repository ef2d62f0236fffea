import { yamux } from '@chainsafe/libp2p-yamux'
import { dcutr } from '@libp2p/dcutr'
import type { GossipSub } from '@libp2p/gossipsub'
import { type Identify, type IdentifyPush, identify, identifyPush } from '@libp2p/identify'
import type { ConnectionGater, Libp2p } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import { type Ping, ping } from '@libp2p/ping'
import { preSharedKey } from '@libp2p/pnet'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { createLibp2p, type Libp2pOptions } from 'libp2p'

import { isLoopbackOnly, isPubliclyAnnounced } from './addresses.ts'
import { createKadDht } from './dht-service.ts'
import { type AppSpecificScore, createGossipsub } from './gossip.ts'
import { type ListenFailures, withPreparedListeners } from './guards/listeners.ts'
import { guardWebSocketListener } from './guards/websocket.ts'
import { withFrameLimit } from './guards/yamux-frames.ts'
import type { HostAddresses } from './host-addresses.ts'
import type { HostComponents, HostOptions } from './host-options.ts'
import type { NetworkMetrics } from './metrics.ts'
import { leanNoise } from './noise.ts'
import type { ProtocolNames } from './protocols.ts'
import { circuitTransport } from './relay/client/circuit-transport.ts'

/** The services of a host; what is off is missing. */
export type HostServices = {
  readonly addresses: HostAddresses
  readonly identify: Identify
  readonly identifyPush: IdentifyPush
  readonly ping: Ping
  readonly gossipsub: GossipSub
  readonly dht: KadDHT | undefined
}

export type HostLibp2p = Libp2p<HostServices>

export interface Libp2pParts {
  readonly addresses: HostAddresses
  readonly gater: ConnectionGater
  readonly listenFailures: ListenFailures
  readonly metrics: NetworkMetrics
  readonly names: ProtocolNames
  /** Multiaddrs to listen on. */
  readonly listen: readonly string[]
  readonly appSpecificScore: AppSpecificScore
}

/** Loopback peers are the operator's own nodes: their bursts are no attack. */
const LOOPBACK_OVERRIDES = {
  inboundConnectionThreshold: 10_000,
  maxIncomingPendingConnections: 512,
}

/** Puts libp2p together, not started. Every option that bounds something comes from the limits. */
export async function createHostLibp2p(
  options: HostOptions,
  components: HostComponents,
  parts: Libp2pParts,
): Promise<HostLibp2p> {
  const { limits } = options
  const { names, gater } = parts
  const settings: Libp2pOptions = {
    start: false,
    privateKey: components.identity.privateKey,
    nodeInfo: {
      name: 'wesense-node',
      version: options.version,
      userAgent: `wesense-node/${options.version}`,
    },
    addresses: {
      listen: [...parts.listen],
      announceFilter: (addresses) => parts.addresses.announce(addresses),
    },
    // Names that remotes announce are not followed: seeds are resolved by discovery.
    connectionManager: {
      ...limits.connectionManager,
      ...(isLoopbackOnly(options.listen) ? LOOPBACK_OVERRIDES : {}),
      resolvers: {},
    },
    connectionMonitor: {
      ...limits.connectionMonitor,
      protocolPrefix: names.prefix,
      abortConnectionOnPingFailure: options.connectionMonitorEnabled,
    },
    connectionGater: gater,
    peerStore: limits.peerStore,
    connectionEncrypters: [leanNoise()],
    streamMuxers: [
      withFrameLimit(
        yamux(limits.yamux),
        limits.yamux.streamOptions.maxStreamWindowSize,
        parts.metrics.oversizeFrame,
      ),
    ],
    transports: transports(options, parts),
    peerDiscovery: [...(options.discoveryModules ?? [])],
  }
  if (options.networkKey !== null) {
    settings.connectionProtector = preSharedKey({ psk: swarmKey(options.networkKey) })
  }
  const libp2p = await createLibp2p({ ...settings, services: services(options, parts) })
  return libp2p as unknown as HostLibp2p
}

function transports({ limits, listen, relayClient }: HostOptions, parts: Libp2pParts) {
  const { listenFailures, metrics } = parts
  const { upgradeTimeout, maxPayload, maxConnections, maxBufferedAmount } = limits.ws
  const https = listen.ws?.tls ?? null
  const webSocketTransport = webSockets({ maxBufferedAmount, ...(https === null ? {} : { https }) })
  return [
    withPreparedListeners(tcp(limits.tcp), (listener) => listenFailures.watch(listener)),
    withPreparedListeners(webSocketTransport, (listener) => {
      listenFailures.watch(listener)
      guardWebSocketListener(listener, { upgradeTimeout, maxPayload, maxConnections }, metrics)
    }),
    ...(relayClient == null ? [] : [circuitTransport()]),
  ]
}

function services(
  options: HostOptions,
  { addresses, names, metrics, appSpecificScore }: Libp2pParts,
) {
  const { limits, dht, relayClient } = options
  const isPublic = isPubliclyAnnounced(options.announce)
  return {
    addresses: addresses.attach,
    identify: identify({ ...limits.identify, protocolPrefix: names.prefix }),
    identifyPush: identifyPush({ ...limits.identify, protocolPrefix: names.prefix }),
    ping: ping({ ...limits.ping, protocolPrefix: names.prefix }),
    gossipsub: createGossipsub(limits, appSpecificScore),
    ...(dht === null
      ? {}
      : { dht: createKadDht({ protocol: names.kad, isPublic, limits }, metrics) }),
    ...(relayClient == null ? {} : { dcutr: dcutr() }),
  }
}

/** The text form in which @libp2p/pnet wants its key. */
function swarmKey(key: Uint8Array): Uint8Array {
  const hex = Buffer.from(key).toString('hex')
  return new TextEncoder().encode(`/key/swarm/psk/1.0.0/\n/base16/\n${hex}`)
}
