import type { LookupFunction } from 'node:net'
import { yamux } from '@chainsafe/libp2p-yamux'
import { dcutr } from '@libp2p/dcutr'
import type { GossipSub } from '@libp2p/gossipsub'
import { type Identify, type IdentifyPush, identify, identifyPush } from '@libp2p/identify'
import type { ConnectionGater, Libp2p, Transport } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import { type Ping, ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import { EVERY_REQUEST } from '../lib/every-request.ts'
import { HandshakeRates } from '../tls/index.ts'

import { isPubliclyAnnounced } from './addresses.ts'
import { createKadDht } from './dht-service.ts'
import { type AppSpecificScore, createGossipsub } from './gossip.ts'
import { guardConnectionList } from './guards/connection-list.ts'
import { HANDSHAKE_ANSWERS, withProposalLimit } from './guards/handshake-proposals.ts'
import { pushingToAll } from './guards/identify-pushes.ts'
import { guardIdentify, type IdentifyRateLimits } from './guards/identify-rate.ts'
import { type ListenFailures, withPreparedListeners } from './guards/listeners.ts'
import { boundMultiaddrValues } from './guards/multiaddr-values.ts'
import { boundRsaKeys } from './guards/rsa-keys.ts'
import { StreamMemory } from './guards/stream-memory.ts'
import { Turns } from './guards/turns.ts'
import { guardWebSocketListener } from './guards/websocket.ts'
import { withGuardedDials } from './guards/websocket-dials.ts'
import { withConduct } from './guards/yamux-conduct.ts'
import { withFrameLimit } from './guards/yamux-frames.ts'
import { muxerLimits } from './guards/yamux-limits.ts'
import type { HostAddresses } from './host-addresses.ts'
import type { HostComponents, HostOptions } from './host-options.ts'
import type { NetworkMetrics } from './metrics.ts'
import { leanNoise } from './noise.ts'
import { watchBadFrames } from './penalties/raw-offences.ts'
import { privateNetwork } from './private-network.ts'
import type { ProtocolNames } from './protocols.ts'
import { quietLog } from './quiet-log.ts'
import { circuitTransport } from './relay/client/circuit-transport.ts'
import { TightDatastore } from './tight-datastore.ts'
import { keepCertificate } from './tls/listener-certificate.ts'
import { createWebRtcMetrics } from './webrtc/metrics.ts'
import { webRtcTransport } from './webrtc/transport.ts'

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
  /** Adds points to a peer for what it did. */
  readonly report: (peerId: string, offence: string, points: number) => void
  readonly names: ProtocolNames
  /** How the name of an address is looked up that a WebSocket is dialled by; null: by the system. */
  readonly lookupOf: (address: Multiaddr) => LookupFunction | null
  /** Multiaddrs to listen on. */
  readonly listen: readonly string[]
  /** Hosts that WebRTC answers at; see `webRtcListen`. */
  readonly webRtcHosts: readonly string[]
  readonly appSpecificScore: AppSpecificScore
  /** Whether a peer is more than a stranger. */
  readonly isKnown: (peerId: string) => boolean
  /** Whether an IP stands for many peers. */
  readonly isExempt: (ip: string) => boolean
  /** A frame against the rules of WebSocket came from there. */
  readonly onBadFrame: (ip: string) => void
}

/**
 * Limits of libp2p 3.3 that refuse before it is known who comes, or for all alike: out of reach, since the
 * gater decides with what it knows.
 */
const DECIDED_BY_GATER = {
  maxConnections: 1_000_000,
  inboundConnectionThreshold: 1_000_000,
  maxIncomingPendingConnections: 1_000_000,
}

/** Puts libp2p together, not started. Every option that bounds something comes from the limits. */
export async function createHostLibp2p(
  options: HostOptions,
  components: HostComponents,
  parts: Libp2pParts,
): Promise<HostLibp2p> {
  const { limits } = options
  const { names, gater } = parts
  boundMultiaddrValues()
  boundRsaKeys()
  const conductLimits = muxerLimits(limits)
  const conduct = { memory: new StreamMemory(conductLimits), turns: new Turns() }
  const settings: Libp2pOptions = {
    start: false,
    logger: quietLog,
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
      ...DECIDED_BY_GATER,
      resolvers: {},
    },
    connectionMonitor: {
      ...limits.connectionMonitor,
      protocolPrefix: names.prefix,
      // Else the muxer's pings keep connections alive, and silence ends them: see `tellRoundTrips`.
      enabled: options.connectionMonitorEnabled,
    },
    connectionGater: gater,
    datastore: new TightDatastore(),
    peerStore: limits.peerStore,
    connectionEncrypters: [leanNoise()],
    streamMuxers: [
      withConduct(
        withFrameLimit(
          yamux({ ...limits.yamux, keepAliveInterval: limits.connectionMonitor.pingInterval }),
          limits.yamux.streamOptions.maxStreamWindowSize,
          parts.metrics.oversizeFrame,
        ),
        conductLimits,
        conduct,
        parts.metrics.connectionCut,
      ),
    ],
    transports: [
      ...transports(options, components, parts),
      ...(await webRtcTransports(options, components, parts)),
    ],
    peerDiscovery: [...(options.discoveryModules ?? [])],
  }
  if (options.networkKey !== null) {
    settings.connectionProtector = privateNetwork(options.networkKey)
  }
  const libp2p = await createLibp2p({ ...settings, services: services(options, parts) })
  guardConnectionList(libp2p)
  return libp2p as unknown as HostLibp2p
}

function transports(
  { limits, listen, relayClient }: HostOptions,
  { certificates, handshakeRates }: HostComponents,
  parts: Libp2pParts,
) {
  const { listenFailures, metrics, isExempt } = parts
  const waiting = {
    ...limits.handshakes,
    total: limits.connectionManager.maxIncomingPendingConnections,
  }
  const { maxBufferedAmount } = limits.ws
  const https = listen.ws?.tls ?? null
  const webSocketGuard = {
    ...limits.ws,
    waiting,
    exemptions: { has: isExempt },
    handshakeRates: https === null ? null : (handshakeRates ?? new HandshakeRates()),
  }
  const webSocketTransport = withGuardedDials(
    webSockets({
      maxBufferedAmount,
      http: EVERY_REQUEST,
      ...(https === null ? {} : { https: { ...https, ...EVERY_REQUEST } }),
    }),
    { limits: limits.ws, lookupOf: parts.lookupOf },
    metrics,
  )
  const onExceeded = () => metrics.connectionCut('handshake')
  const bounded = <C>(factory: (components: C) => Transport) =>
    withProposalLimit(factory, HANDSHAKE_ANSWERS, onExceeded)
  return [
    withPreparedListeners(bounded(tcp(limits.tcp)), (listener) => listenFailures.watch(listener)),
    withPreparedListeners(bounded(webSocketTransport), (listener) => {
      // Inside of the watch, which then also sees why it cannot.
      if (https !== null && certificates != null) keepCertificate(listener, certificates)
      listenFailures.watch(listener)
      guardWebSocketListener(listener, webSocketGuard, metrics)
      watchBadFrames(listener, parts.onBadFrame)
    }),
    ...(relayClient == null ? [] : [circuitTransport(limits.relay, onExceeded)]),
  ]
}

async function webRtcTransports(
  { webRtcDirect, limits }: HostOptions,
  { identity, metrics, logger }: HostComponents,
  { listenFailures, webRtcHosts: hosts, metrics: { connectionCut: onCut } }: Libp2pParts,
) {
  if (webRtcDirect == null) return []
  const transport = await webRtcTransport(
    {
      hosts,
      certificatePath: webRtcDirect.certificatePath,
      maxRssBytes: limits.webRtc.maxRssBytes,
      limits: { ...muxerLimits(limits), ...limits.webRtc },
      streams: limits.yamux.streamOptions,
      upgradeTimeoutMs: limits.connectionManager.inboundUpgradeTimeout,
    },
    { identity, listenFailures, metrics: createWebRtcMetrics(metrics), logger, onCut },
  )
  return [transport]
}

function services(
  options: HostOptions,
  { addresses, names, metrics, report, appSpecificScore, isKnown, isExempt }: Libp2pParts,
) {
  const { limits, dht, relayClient } = options
  const isPublic = isPubliclyAnnounced(options.announce)
  const dhtOptions = { protocol: names.kad, pingProtocol: names.ping, isPublic, limits }
  const identifyOptions = { ...limits.identify, protocolPrefix: names.prefix }
  const pushes = pushingToAll(identifyPush(identifyOptions), isKnown)
  const rated =
    <Components, Service extends object>(
      factory: (components: Components) => Service,
      rate: IdentifyRateLimits,
    ) =>
    (components: Components): Service => {
      const service = factory(components)
      guardIdentify(service, rate, { report, isKnown })
      return service
    }
  return {
    addresses: addresses.attach,
    identify: rated(identify(identifyOptions), limits.identifyRate.asked),
    identifyPush: rated(pushes, limits.identifyRate.told),
    ping: ping({ ...limits.ping, protocolPrefix: names.prefix }),
    gossipsub: createGossipsub(limits, appSpecificScore, isExempt),
    ...(dht === null ? {} : { dht: createKadDht(dhtOptions, metrics, report, isKnown) }),
    ...(relayClient == null ? {} : { dcutr: dcutr() }),
  }
}
