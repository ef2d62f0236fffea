import type { PlaceCounts } from './guards/places.ts'
import type { HostLibp2p } from './host-libp2p.ts'
import type { HostLimits } from './limits.ts'
import type { NetworkGauges } from './metrics.ts'

export interface HostGaugeSources {
  readonly limits: HostLimits
  readonly knownPeers: () => number
  readonly dhtPeers: () => number
  readonly places: () => PlaceCounts
  readonly handshakes: () => number
}

/** What a scrape reads of a host. */
export function hostGauges(libp2p: HostLibp2p, sources: HostGaugeSources): NetworkGauges {
  return {
    connections: (direction) =>
      libp2p.getConnections().filter((connection) => connection.direction === direction).length,
    connectionLimit: () => sources.limits.connectionManager.maxConnections,
    peers: () => libp2p.getPeers().length,
    knownPeers: sources.knownPeers,
    streams: () => countStreams(libp2p),
    dhtPeers: sources.dhtPeers,
    places: sources.places,
    handshakes: sources.handshakes,
    gossipPeers: () => libp2p.services.gossipsub.getPeers().length,
  }
}

/** Open streams by protocol; names that this node does not serve are counted together. */
function countStreams(libp2p: HostLibp2p): ReadonlyMap<string, number> {
  const served = new Set(libp2p.getProtocols())
  const counts = new Map<string, number>()
  for (const { streams } of libp2p.getConnections()) {
    for (const { protocol } of streams) {
      const label = served.has(protocol) ? protocol : 'other'
      counts.set(label, (counts.get(label) ?? 0) + 1)
    }
  }
  return counts
}
