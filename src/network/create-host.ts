import { lookup } from 'node:dns/promises'

import type { Clock } from '../lib/clock.ts'
import { hasIpv6, isLoopbackOnly, listenMultiaddrs, webRtcListen } from './addresses.ts'
import { DialPermits } from './dial-permits.ts'
import { judgedLookup, type LookupName } from './dialer/judged-lookup.ts'
import { createGater } from './gater.ts'
import { AddressQuota } from './guards/address-quota.ts'
import { ArrivalRate } from './guards/arrival-rate.ts'
import { Exemptions } from './guards/exempt-networks.ts'
import { HandshakeTurns } from './guards/handshake-turns.ts'
import { Handshakes } from './guards/handshakes.ts'
import { InboundCaps } from './guards/inbound-caps.ts'
import { ListenFailures } from './guards/listeners.ts'
import { Places } from './guards/places.ts'
import { Host } from './host.ts'
import { HostAddresses } from './host-addresses.ts'
import { createHostLibp2p } from './host-libp2p.ts'
import type { HostComponents, HostOptions } from './host-options.ts'
import { createNetworkGauges, createNetworkMetrics, type NetworkMetrics } from './metrics.ts'
import { Bans, type BansOptions } from './penalties/bans.ts'
import { directConnections, ipOf } from './penalties/host-bans.ts'
import { protocolNames } from './protocols.ts'
import { useSmallSlabs } from './small-slabs.ts'
import { WEBRTC_LIMITS } from './webrtc/inbound-gate.ts'

/** On a node of loopback alone every peer is the operator's own: as many handshakes as a test may start. */
const LOOPBACK_HANDSHAKES = 512

const systemLookup: LookupName = async (name) => {
  const found = await lookup(name, { all: true })
  return found.map(({ address }) => address)
}

/**
 * Builds the host, not started.
 * @throws NetworkError BAD_ADDRESS for a listen host that is no IP; LISTEN_FAILED; LIBRARY_CHANGED
 */
export async function createHost(
  options: HostOptions & { readonly bansPath?: BansOptions['path'] },
  components: HostComponents & { readonly clock?: Clock },
): Promise<Host> {
  const { limits } = options
  useSmallSlabs()
  const names = protocolNames(options.networkName)
  const metrics = createNetworkMetrics(components.metrics)
  const addresses = new HostAddresses(options, components)
  const { dialPolicy } = addresses
  const dialPermits = new DialPermits()
  const listenFailures = new ListenFailures()
  const addressQuota = new AddressQuota({
    perPeer: limits.knownPeers.maxAddressesPerPeer,
    peers: limits.knownPeers.maxPeers,
    idleMs: limits.knownPeers.addressIdleMs,
  })
  const { standingOf = () => 'stranger' } = components
  const isKnown = (peerId: string) => standingOf(peerId) !== 'stranger'
  // Anybody can register: only what this node or its operator did itself makes a peer worth more.
  const worthOf = (peerId: string) => (standingOf(peerId) === 'familiar' ? 1 : 0)
  const exemptions = new Exemptions({
    networks: options.inboundExemptNetworks ?? [],
    isLoopbackExempt: () => dialPolicy.isLoopbackWanted,
  })
  const bans = new Bans(
    { peerId: components.identity.peerId, path: options.bansPath ?? null },
    {
      connections: (peerId) => directConnections(host.libp2p, peerId),
      hangUp: (peerId) => host.disconnect(peerId),
      worthOf,
      ownHosts: () =>
        [...addresses.bound(), ...addresses.announced()].flatMap((own) => ipOf(own) ?? []),
      isExempt: (ip) => exemptions.has(ip),
      metrics,
      registry: components.metrics,
      logger: components.logger,
      clock: components.clock,
    },
  )
  const penalties = bans.peers
  const inbound = inboundGuards(options, components, metrics)
  const { lookupName = systemLookup } = components
  const gater = createGater({
    ...inbound,
    exemptions,
    peerId: components.identity.peerId,
    dialPolicy,
    dialPermits,
    isOwnRelay: (peerId) => addresses.isOwnRelay(peerId),
    addressQuota,
    penalties: bans,
    metrics,
    lookupName,
    onHandshakeFailed: (connection) => host.foreign.noteHandshake(connection),
  })
  const isIpv6Usable = await hasIpv6()
  const { listen, webRtcDirect } = options
  const webRtc =
    webRtcDirect == null ? null : webRtcListen(listen.hosts, webRtcDirect.port, isIpv6Usable)
  const libp2p = await createHostLibp2p(options, components, {
    addresses,
    names,
    metrics,
    listenFailures,
    gater,
    lookupOf: (address) => judgedLookup(address, { dialPolicy, lookupName }),
    listen: [
      ...listenMultiaddrs(listen, isIpv6Usable),
      ...(webRtc === null ? [] : [webRtc.address]),
    ],
    webRtcHosts: webRtc?.hosts ?? [],
    isExempt: (ip) => exemptions.has(ip),
    onBadFrame: (ip) => bans.arrivals.badFrame(ip),
    report: (peerId, offence, points) => penalties.report(peerId, offence, points),
    isKnown,
    appSpecificScore: (peerId) => worthOf(peerId) + penalties.gossipScoreOf(peerId),
  })
  const host: Host = new Host(options, {
    libp2p,
    addresses,
    handshakes: inbound.handshakes,
    places: inbound.places,
    addressQuota,
    dialPermits,
    bans,
    penalties,
    isKnown,
    names,
    metrics,
    listenFailures,
    logger: components.logger,
  })
  createNetworkGauges(components.metrics, host.gauges())
  return host
}

/** What decides about those who come, from the first packet to the place they keep. */
function inboundGuards(
  { limits, listen }: HostOptions,
  { standingOf = () => 'stranger' }: HostComponents,
  metrics: NetworkMetrics,
) {
  const { connectionManager, handshakes } = limits
  const { maxConnections, maxIncomingPendingConnections: pending } = connectionManager
  const total = isLoopbackOnly(listen) ? Math.max(LOOPBACK_HANDSHAKES, pending) : pending
  const turns = new HandshakeTurns(limits.handshakeTurns)
  return {
    turns,
    arrivalRate: new ArrivalRate({ perHost: connectionManager.inboundConnectionThreshold }),
    inboundCaps: new InboundCaps(limits.inboundCaps),
    handshakes: new Handshakes(
      { ...handshakes, total },
      {
        onDropped: () => metrics.connectionEvicted('handshake'),
        now: () => turns.attentiveMs,
      },
    ),
    places: new Places(
      { ...limits.places, total: maxConnections },
      { standingOf, onEvicted: metrics.connectionEvicted },
    ),
    webRtcPlaces: new Places(
      // No station comes that way, so none are kept.
      { ...limits.places, total: WEBRTC_LIMITS.maxConnections, keptShare: 0 },
      { standingOf, onEvicted: () => metrics.connectionEvicted('webrtc') },
    ),
  }
}
