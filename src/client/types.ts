import type { Identify, IdentifyPush } from '@libp2p/identify'
import type { Libp2p, PrivateKey, Stream, StreamHandler } from '@libp2p/interface'
import type { Ping } from '@libp2p/ping'

import type { RegistryReader } from './registry.ts'

/** As WebRTC knows it. */
export interface IceServer {
  readonly urls: string | readonly string[]
  readonly username?: string
  readonly credential?: string
}

export interface ConnectOptions {
  /**
   * Nodes to begin with and to come back to, at most eight:
   * - URLs of their public HTTP (`https://relay.example.org:4004`), each of which names up to three relays; behind a
   *   `#` may stand the peer ID of the node that has to have signed what it says;
   * - URLs or multiaddrs of a WebSocket (`wss://relay.example.org:4003`, `/dns/relay.example.org/tcp/4003/tls/ws`,
   *   with or without `/p2p/<id>`);
   * - multiaddrs of WebRTC-direct (`/ip4/203.0.113.9/udp/4003/webrtc-direct/certhash/<hash>`).
   */
  readonly bootstrap: string | readonly string[]
  /** The network's name. @default 'wesense' */
  readonly network?: string
  /** Servers that tell a page its public address. @default the STUN of the bootstraps, UDP 3478 */
  readonly iceServers?: readonly IceServer[]
  /** Pages to be linked with at a time, besides those that open a link themselves. @default 16 */
  readonly targetPeers?: number
  /**
   * Its own key, for a peer ID that lasts: what `newKey()` returned, or an Ed25519 one of libp2p.
   * @default a new one
   */
  readonly privateKey?: PrivateKey | string
  /** The public HTTP of the node to read the registry from. @default the first URL of `bootstrap` that answered */
  readonly registryUrl?: string
  /**
   * Of a private network. A browser cannot join one, so any value is refused: libp2p's pre-shared key works
   * on raw TCP alone. @default null
   */
  readonly networkKey?: null
}

/** How another page is reached now. */
export type LinkKind = 'none' | 'relayed' | 'direct'

export interface ClientPeer {
  readonly peerId: string
  readonly link: LinkKind
  /** A node says that it can be reached there. */
  readonly isPresent: boolean
  /** Why it is not direct, as far as known. */
  readonly problem: LinkProblem | null
}

/** `no-webrtc`: one of the two browsers has none; `webrtc-failed`: no way between them was found. */
export type LinkProblem = 'no-webrtc' | 'webrtc-failed'

/**
 * `unreachable`: nobody answers there; `handshake`: somebody does and is no libp2p node, or one of a private
 * network; `other-network`: a node of another network; `no-relay`: it lets nobody be reached through it;
 * `no-place`: it is one, and has no place for this client.
 */
export type BootstrapProblem =
  | 'unreachable'
  | 'handshake'
  | 'other-network'
  | 'no-relay'
  | 'no-place'

export interface BootstrapStatus {
  readonly address: string
  /** null before it was reached. */
  readonly peerId: string | null
  readonly isConnected: boolean
  /** Others can reach this client through it. */
  readonly isReserved: boolean
  readonly problem: BootstrapProblem | null
}

export interface ClientStatus {
  /** `offline`: no bootstrap is connected; links to other pages may be up all the same. */
  readonly state: 'connecting' | 'online' | 'offline' | 'stopped'
  readonly bootstraps: readonly BootstrapStatus[]
}

export interface ClientEvents {
  readonly status: ClientStatus
  /** Somebody came, went, or is linked otherwise. */
  readonly peer: ClientPeer
}

export type ClientServices = {
  readonly identify: Identify
  readonly identifyPush: IdentifyPush
  readonly ping: Ping
}

export type ClientLibp2p = Libp2p<ClientServices>

/** A page's place in the network. */
export interface Client {
  readonly peerId: string
  /** For all that is not covered here. Dialling pages and nodes is the client's own business. */
  readonly libp2p: ClientLibp2p
  readonly registry: RegistryReader
  status(): ClientStatus
  /** Other pages, those that are linked and those that only are there. */
  peers(): ClientPeer[]
  /** @returns the unsubscriber */
  on<K extends keyof ClientEvents>(
    event: K,
    listener: (detail: ClientEvents[K]) => void,
  ): () => void
  /** Serves a protocol of the page's own, over direct and relayed links. */
  handle(protocol: string, handler: StreamHandler): Promise<void>
  /** Opens a stream over the best link there is. @throws ClientError NOT_CONNECTED */
  open(peerId: string, protocol: string, signal?: AbortSignal): Promise<Stream>
  /** Round trip to a linked page, ms. @throws ClientError NOT_CONNECTED */
  ping(peerId: string, signal?: AbortSignal): Promise<number>
  /** Leaves. Callable twice. */
  stop(): Promise<void>
}
