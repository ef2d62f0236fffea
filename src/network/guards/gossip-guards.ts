import type { HostLimits } from '../limits.ts'
import { guardGossipBatches } from './gossip-batches.ts'
import { guardGossipDepartures } from './gossip-departures.ts'
import { guardGossipMemory } from './gossip-memory.ts'
import { guardGossipOpenings } from './gossip-openings.ts'
import { joinGossipPieces } from './gossip-pieces.ts'
import { FLOOD_POINTS, type GossipRpcGuardParts, guardGossipRpc } from './gossip-rpc.ts'

/**
 * Everything that strangers must not do to gossip.
 * @param gossip the service that `@libp2p/gossipsub` made, not started
 * @throws NetworkError LIBRARY_CHANGED
 */
export function guardGossip(
  gossip: object,
  limits: Pick<HostLimits, 'gossip' | 'gossipRpc' | 'gossipSeen' | 'gossipBatches'>,
  parts: Omit<GossipRpcGuardParts, 'limits'>,
): void {
  guardGossipDepartures(gossip)
  guardGossipRpc(gossip, { ...parts, limits: limits.gossipRpc })
  guardGossipBatches(gossip, limits.gossipBatches)
  guardGossipOpenings(gossip)
  const { rpcs, refusals, patience } = limits.gossipRpc
  joinGossipPieces(gossip, {
    mostBytes: limits.gossip.maxInboundDataLength,
    mostWaiting: rpcs.burst + refusals.burst + patience.burst,
    onFlood: (peerId) => parts.report(peerId, 'gossip_flood', FLOOD_POINTS),
  })
  guardGossipMemory(gossip, limits.gossipSeen)
}
