import { hasIpv6, listenMultiaddrs } from './addresses.ts'
import { DialPermits } from './dial-permits.ts'
import { createGater } from './gater.ts'
import { AddressQuota } from './guards/address-quota.ts'
import { InboundCaps } from './guards/inbound-caps.ts'
import { ListenFailures } from './guards/listeners.ts'
import { Host } from './host.ts'
import { HostAddresses } from './host-addresses.ts'
import { createHostLibp2p } from './host-libp2p.ts'
import type { HostComponents, HostOptions } from './host-options.ts'
import { createNetworkGauges, createNetworkMetrics } from './metrics.ts'
import { PeerPenalties } from './penalties.ts'
import { protocolNames } from './protocols.ts'

/**
 * Builds the host, not started.
 * @throws NetworkError BAD_ADDRESS for a listen host that is no IP; LISTEN_FAILED; LIBRARY_CHANGED
 */
export async function createHost(options: HostOptions, components: HostComponents): Promise<Host> {
  const { limits } = options
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
  const penalties = new PeerPenalties({
    metrics,
    logger: components.logger,
    hangUp: (peerId) => host.disconnect(peerId),
  })
  const gater = createGater({
    peerId: components.identity.peerId,
    dialPolicy,
    dialPermits,
    isOwnRelay: (peerId) => addresses.isOwnRelay(peerId),
    inboundCaps: new InboundCaps(limits.inboundCaps, () => dialPolicy.isLoopbackWanted),
    addressQuota,
    penalties,
    metrics,
    lookupName: components.lookupName,
  })
  const { appSpecificScore = () => 0 } = components
  const libp2p = await createHostLibp2p(options, components, {
    addresses,
    names,
    metrics,
    listenFailures,
    gater,
    listen: listenMultiaddrs(options.listen, await hasIpv6()),
    appSpecificScore: (peerId) => appSpecificScore(peerId) + penalties.gossipScoreOf(peerId),
  })
  const host: Host = new Host(options, {
    libp2p,
    addresses,
    addressQuota,
    dialPermits,
    penalties,
    names,
    metrics,
    listenFailures,
    logger: components.logger,
  })
  createNetworkGauges(components.metrics, host.gauges())
  return host
}
