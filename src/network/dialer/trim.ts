import type { OpenPeer } from './dial-port.ts'

export interface TrimOptions {
  readonly maxOutbound: number
  /** Peers that were dialled on purpose: never trimmed. */
  readonly keep: ReadonlySet<string>
  /** Younger connections are left alone, a query may still be using them. */
  readonly olderThanMs: number
}

/** Outbound peers over budget, oldest first. @returns peer IDs to hang up. */
export function chooseToTrim(peers: readonly OpenPeer[], options: TrimOptions): string[] {
  const outbound = peers.filter((peer) => peer.direction === 'outbound')
  const surplus = outbound.length - options.maxOutbound
  if (surplus <= 0) return []
  return outbound
    .filter((peer) => !options.keep.has(peer.peerId) && peer.connectedAtMs <= options.olderThanMs)
    .sort((a, b) => a.connectedAtMs - b.connectedAtMs)
    .slice(0, surplus)
    .map((peer) => peer.peerId)
}
