import type { NodeStatus } from '../api/index.ts'
import type { NetworkStatus } from '../network/index.ts'

/** How others get to this node, in the answer of `GET /status`. */
export function reachabilityOf(
  reach: NetworkStatus['reach'],
  nowMs: number,
): NodeStatus['reachability'] {
  if (reach === null) return null
  const { state, isProven, verified, relays } = reach
  return {
    state,
    is_proven: isProven,
    verified: [...verified],
    relays: relays.map(({ relayPeerId, addresses, expiresAtMs }) => ({
      peer_id: relayPeerId,
      addresses: [...addresses],
      expires_in_seconds: Math.max(0, Math.round((expiresAtMs - nowMs) / 1000)),
    })),
  }
}
