/** Shapes that `network` shows to the rest of the node: no libp2p type crosses this border. */

/** One open connection's peer, as an operator wants to see it. */
export interface ConnectedPeer {
  readonly peerId: string
  /** The remote multiaddr of the oldest open connection. */
  readonly remoteAddress: string
  readonly direction: 'inbound' | 'outbound'
  readonly connectedAtMs: number
  /** Last measured round trip, null until the first ping returned. */
  readonly rttMs: number | null
  /** Identify's agent string, escaped and cut to 128 characters; null before identify. */
  readonly agent: string | null
  /** True when the peer does what stations of this network do for each other. */
  readonly isStation: boolean
  /** True for a thin client of this network, such as a page in a browser. */
  readonly isClient: boolean
  /** True for a relayed connection with byte or time limits. */
  readonly isLimited: boolean
}

/** What is known of a peer, for those who want to connect to it. */
export interface KnownPeer {
  readonly peerId: string
  /** Multiaddrs that may be told to strangers, without its own `/p2p`; none: nobody knows any. */
  readonly addresses: readonly string[]
  /** As identify told them, escaped; empty before it did. */
  readonly protocols: readonly string[]
  /** When this was found out, ms since 1970. */
  readonly foundAtMs: number
}

export type CandidateSource =
  | 'seed'
  | 'mdns'
  | 'dht'
  | 'peer-exchange'
  | 'registry'
  | 'address-book'

/** A place that may be dialled. A source only proposes it; the dialer decides. */
export interface Candidate {
  readonly source: CandidateSource
  /** null when the source knows an address but not who answers there. */
  readonly peerId: string | null
  /** Multiaddrs, with or without a trailing `/p2p/<id>`. */
  readonly addresses: readonly string[]
}

export type SeedState = 'connected' | 'waiting' | 'refused' | 'self'

/** One entry of ORBITDB_BOOTSTRAP_PEERS and how it fares. */
export interface SeedStatus {
  /** As the operator wrote it. */
  readonly seed: string
  readonly state: SeedState
  readonly peerId: string | null
  readonly lastError: string | null
}

/** A byte stream to one peer over one protocol; the opener's and handler's side look alike. */
export interface PeerStream {
  readonly peerId: string
  /** Bytes as they arrive; ends when the peer closes its side, throws when the stream is reset. */
  chunks(): AsyncIterable<Uint8Array>
  /** Resolves when the bytes are accepted and the peer keeps up. @throws on abort, reset or signal. */
  send(bytes: Uint8Array, signal: AbortSignal): Promise<void>
  /** Closes our side in order. */
  close(signal: AbortSignal): Promise<void>
  /** Resets the stream at once, in both directions. Never throws. */
  abort(reason: Error): void
}

export interface StreamHandlerOptions {
  readonly maxInboundStreams: number
  readonly maxOutboundStreams: number
  /** The stream is aborted when the handler has not returned by then. */
  readonly timeoutMs: number
}

export type MessageVerdict = 'accept' | 'reject' | 'ignore'

/**
 * All that `registry` may ask of the network. Handed over in `node/`, so the registry can be tested
 * on stream pairs with no socket.
 */
export interface RegistryTransport {
  readonly peerId: string
  /** Serves a protocol; the handler owns the stream until its promise settles. */
  handle(
    protocol: string,
    handler: (stream: PeerStream) => Promise<void>,
    options: StreamHandlerOptions,
  ): Promise<void>
  unhandle(protocol: string): Promise<void>
  /** Opens a stream on an existing connection; never dials. @throws when not connected or refused. */
  open(peerId: string, protocol: string, signal: AbortSignal): Promise<PeerStream>
  /** Joins a gossip topic; every message passes the validator before it is forwarded or handled. */
  subscribe(
    topic: string,
    validator: (from: string, bytes: Uint8Array) => Promise<MessageVerdict> | MessageVerdict,
    handler: (from: string, bytes: Uint8Array) => void,
  ): void
  unsubscribe(topic: string): void
  /** @returns how many peers it was sent to; 0 is no error. */
  publish(topic: string, bytes: Uint8Array): Promise<number>
  /** Connected peers that are subscribed to the topic. */
  subscribers(topic: string): string[]
  connectedPeers(): string[]
  /** Whether a peer is more than a stranger: a seed, a member of the registry, or long known. */
  isKnown(peerId: string): boolean
  /**
   * Tells what a peer did that no honest one does. Points fade, by half in ten minutes; at 100 the peer
   * is disconnected and neither dialled nor let in for a while. @param offence a code of ours.
   */
  report(peerId: string, offence: string, points: number): void
  /** The peer's points now. */
  penaltyOf(peerId: string): number
  /** What counts once in a share: the public host that the peer comes from, else the peer itself. */
  sourceOf(peerId: string): string
  /** Fires once per peer when it subscribes to the topic. Returns the unsubscriber. */
  onSubscriber(topic: string, listener: (peerId: string) => void): () => void
  /** Fires on a peer's first connection and on its last disconnection. Returns the unsubscriber. */
  onPeer(listener: (peerId: string, isConnected: boolean) => void): () => void
}

/** Somebody who is kept out now. */
export interface Ban {
  /** Peer ID, `203.0.113.9`, `2001:db8:0:1::/64` or a network in CIDR form: one spelling for each. */
  readonly target: string
  readonly kind: 'peer' | 'host' | 'network'
  readonly by: 'rule' | 'operator'
  /** Codes of ours; none for the operator's. */
  readonly reasons: readonly string[]
  /** The operator's words, not escaped. */
  readonly why: string | null
  readonly sinceMs: number
  /** By the clock as it is now; null: until it is lifted. */
  readonly untilMs: number | null
  /** How often; 1 for the operator's. */
  readonly strikes: number
}

/** A change of the bans: whom it was about, and whether the disk has it; or why not. */
export type BanChange =
  | { readonly isDone: true; readonly targets: readonly string[]; readonly isKept: boolean }
  | {
      readonly isDone: false
      readonly code: 'malformed' | 'protected' | 'full' | 'none'
      readonly problem: string
    }

/** The bans as an operator reads and changes them. */
export interface BanControl {
  /** Those in force, the oldest first. */
  list(): Ban[]
  /** Peers with points that are not shunned. */
  points(): {
    readonly peerId: string
    readonly points: number
    readonly offences: readonly string[]
  }[]
  /** @param target a peer ID, IP or network. @param options `forMs` null: until it is lifted */
  add(
    target: string,
    options: { readonly forMs: number | null; readonly why: string | null },
  ): Promise<BanChange>
  /** Whoever banned it; a peer's points and strikes are forgotten as well. */
  lift(target: string): Promise<BanChange>
  liftAll(): Promise<BanChange>
}
