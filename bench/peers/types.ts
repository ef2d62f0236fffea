/** Whose node is loaded: the built program, or a plain libp2p host. */
export type Side = 'ours' | 'plain'

/** Where the node under test is found. */
export interface NodeContact {
  /** Multiaddr with peer ID. */
  readonly address: string
  /** null for a plain host: it has none. */
  readonly apiUrl: string | null
}

/** What the parent asks of a process with stations. */
export type StationsRequest =
  /** Makes stations `from`, `from + step`, ... and starts them; nobody connects yet. Answer: null. */
  | { readonly do: 'make'; readonly from: number; readonly step: number; readonly count: number }
  /** Those that are not connecting yet begin, so many a second. Answer, at once: null. */
  | { readonly do: 'connect'; readonly address: string; readonly perSecond: number }
  /** Answer: `StationsReport`. */
  | { readonly do: 'report' }
  /** One station writes a record. Answer: `Written`. */
  | { readonly do: 'write' }
  /** When entries were first heard by gossip, by hash. Answer: `Heard[]` */
  | { readonly do: 'heard' }

export interface StationsReport {
  readonly made: number
  /** Connected now. */
  readonly connected: number
  /** Connected now with identify done. */
  readonly identified: number
  /** Connections that ended after they had been open, and dials that failed, by reason. */
  readonly lost: Readonly<Record<string, number>>
  readonly refused: Readonly<Record<string, number>>
  /** Exchanges of heads: begun here and ended well, failed, and answered. */
  readonly exchanges: { readonly ok: number; readonly failed: number; readonly answered: number }
  /** Peer exchanges that ended well. */
  readonly peerExchanges: number
}

export interface Written {
  /** Local id of the record in `GET /nodes`. */
  readonly id: string
  readonly atMs: number
}

/** What one reading of the probe says of the process it lives in. */
export interface Reading {
  readonly rssMb: number
  readonly heapMb: number
  /** After a whole collection, when one was asked for. */
  readonly heapAfterGcMb: number | null
  readonly externalMb: number
  readonly loopP99Ms: number
  readonly loopMaxMs: number
}
