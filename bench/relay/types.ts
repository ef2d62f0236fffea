export type Side = 'ours' | 'stock'

export interface HopContact {
  /** Multiaddr with peer ID. */
  readonly address: string
  readonly apiUrl: string
}

/** What the parent asks of a process with ends of circuits. */
export type EndRequest =
  /** Peers that are reached through the relay, and directly. Answer: `EndContact[]`. */
  | {
      readonly do: 'accept'
      readonly relay: string
      readonly peers: number
      readonly isStalled: boolean
    }
  /** Bytes that came in all. Answer: number. */
  | { readonly do: 'count' }
  /** Peers that open circuits, each to `circuits` of the destinations in turn. */
  | {
      readonly do: 'connect'
      readonly relay: string
      readonly peers: number
      readonly circuits: number
      readonly destinations: readonly string[]
    }
  /** A stream to a peer that accepts, without a relay. */
  | { readonly do: 'direct'; readonly address: string }
  /** Sends as fast as all streams take it. Answer, at once: null. */
  | { readonly do: 'blast' }
  /** Resets all streams. Answer: null. */
  | { readonly do: 'stop' }
  /** Sends a message of `bytes` on each stream every so often. Answer, at once: null. */
  | { readonly do: 'pace'; readonly bytes: number; readonly everyMs: number }

export interface EndContact {
  readonly peerId: string
  readonly address: string
}
