/** A peer that may be passed on. */
export interface PassablePeer {
  readonly peerId: string
  /** Of the address that it is connected from. */
  readonly subnet: string
  readonly connectedAtMs: number
}

/**
 * Which peers to pass on: half of them the longest connected, who are likely to stay, half by chance, so
 * that newcomers become known too; within each half no subnet gets a second place before every other
 * had its first.
 */
export function selectPeers<P extends PassablePeer>(
  peers: readonly P[],
  limit: number,
  random: () => number,
): P[] {
  const byAge = [...peers].sort((a, b) => a.connectedAtMs - b.connectedAtMs)
  const longLived = spread(byAge).slice(0, Math.ceil(limit / 2))
  const taken = new Set(longLived)
  const rest = shuffle(
    byAge.filter((peer) => !taken.has(peer)),
    random,
  )
  return [...longLived, ...spread(rest).slice(0, limit - longLived.length)]
}

/** Round robin over subnets; within a subnet the given order stays. */
function spread<P extends PassablePeer>(peers: readonly P[]): P[] {
  const subnets = new Map<string, P[]>()
  for (const peer of peers) {
    const group = subnets.get(peer.subnet)
    if (group === undefined) subnets.set(peer.subnet, [peer])
    else group.push(peer)
  }
  const result: P[] = []
  for (let round = 0; result.length < peers.length; round++) {
    for (const group of subnets.values()) {
      const peer = group[round]
      if (peer !== undefined) result.push(peer)
    }
  }
  return result
}

function shuffle<P>(items: readonly P[], random: () => number): P[] {
  return items
    .map((item) => ({ item, chance: random() }))
    .sort((a, b) => a.chance - b.chance)
    .map(({ item }) => item)
}
