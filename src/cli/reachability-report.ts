import type { NodeStatus } from '../api/types.ts'

type Reachability = NonNullable<NodeStatus['reachability']>

/** How others get to the node: the first line says whether they do, the others where. */
export function reachedLines(reachability: NodeStatus['reachability']): string[] {
  if (reachability === null) return ['not looked after: RELAY_CLIENT is off']
  const { verified, relays } = reachability
  return [
    summary(reachability),
    ...verified.map((address) => `seen at ${address}`),
    ...relays.map(({ peer_id: peerId }) => `through relay ${peerId}`),
  ]
}

function summary({ state, is_proven: isProven, relays }: Reachability): string {
  const isRelayed = relays.length > 0
  if (state === 'public') {
    return isProven
      ? 'public: others connect directly'
      : 'public, as ANNOUNCE_ADDRESS says: nobody from outside was seen to connect yet'
  }
  if (state === 'private') {
    return isRelayed
      ? 'private: behind NAT or a firewall, others come through relays'
      : 'private: behind NAT or a firewall, and no relay keeps a place yet'
  }
  return isRelayed
    ? 'unknown: no public peer has tried yet, others come through relays'
    : 'unknown: no public peer has tried yet'
}
