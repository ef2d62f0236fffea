import type { PlaceCounts } from './guards/places.ts'
import type { Host } from './host.ts'
import type { HostLibp2p } from './host-libp2p.ts'
import type { PeerFinder } from './peer-finder.ts'
import type { ReachStatus } from './reach.ts'
import type { KnownRelay } from './relay/client/index.ts'
import type { RelayReport } from './relay/types.ts'
import type { StunStatus } from './stun/server.ts'
import type {
  BanControl,
  Candidate,
  ConnectedPeer,
  RegistryTransport,
  SeedStatus,
} from './types.ts'

/** What an operator wants to know at a glance. */
export interface NetworkStatus {
  readonly peerId: string
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  /** A public address is announced: others use this node as a bootstrap. */
  readonly isPublic: boolean
  /** Some address is announced, be it private. */
  readonly isAnnounced: boolean
  readonly seeds: readonly SeedStatus[]
  /** Which sources are on. */
  readonly sources: {
    readonly mdns: boolean
    readonly dht: boolean
    readonly peerExchange: boolean
    readonly registry: boolean
  }
  readonly counts: {
    readonly connectedPeers: number
    readonly connectedStations: number
    readonly knownStations: number
    readonly candidates: number
    readonly addressBook: number
    /** Peers in the DHT routing table; 0 when it is off. */
    readonly dhtPeers: number
  }
  readonly targetPeers: number
  /** How others get to this node; null where that is not looked after. */
  readonly reach: ReachStatus | null
  /** Connections at which inbound ones are refused. */
  readonly connectionLimit: number
  /** How they are taken. */
  readonly places: PlaceCounts
}

/** The station's place in its network: one host, what it finds and whom it dials. */
export interface NetworkService {
  readonly peerId: string
  readonly host: Host
  readonly transport: RegistryTransport
  /** For Helia; nothing else outside of `network/` uses it. */
  readonly libp2p: HostLibp2p
  /** Listens and answers; dials nobody yet. Callable twice. @throws NetworkError PORT_IN_USE, LISTEN_FAILED */
  start(): Promise<void>
  /** Begins to look for others and to dial them. Callable twice, once started. */
  discover(): void
  /** Callable twice, and after a failed start. */
  stop(): Promise<void>
  status(): NetworkStatus
  peers(): ConnectedPeer[]
  /** Peer IDs of stations that are connected, or that others vouched for within half an hour. */
  knownStations(): string[]
  /** Takes what the registry knows of a station. @returns false when it is off or nothing of it helps. */
  propose(candidate: Pick<Candidate, 'peerId' | 'addresses'>): boolean
  /** Takes what the registry knows of a relay. */
  noteRelay(relay: KnownRelay): void
  /** Whom this node relays for; null when it is no relay. */
  relay(): RelayReport | null
  /** What browsers were told of their addresses; null where STUN is not served. */
  stun(): StunStatus | null
  /** Where a peer can be reached, and what strangers may be told of it: see `PeerFinder`. */
  readonly finder: PeerFinder
  /** Whether there is a direct connection with a peer. */
  isConnected(peerId: string): boolean
  /** Peer IDs of stations that this node reached itself, at most 256. */
  reachedPeers(): string[]
  /** Who is kept out, by the rules and by the operator. */
  readonly bans: BanControl
}
