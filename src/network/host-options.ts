import type { Libp2pOptions } from 'libp2p'

import type { Identity } from '../identity/index.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import type { CertificateService, HandshakeRates } from '../tls/index.ts'
import type { AnnounceAddress, ListenOptions } from './addresses.ts'
import type { LookupName } from './dialer/judged-lookup.ts'
import type { LocalAddress } from './interfaces.ts'
import type { HostLimits } from './limits.ts'
import type { StandingOf } from './standing.ts'

/** A feature that is on and has no settings of its own yet. */
export type Enabled = Readonly<Record<never, never>>

/** A libp2p peer discovery module, such as `mdns()` of `@libp2p/mdns`. */
export type DiscoveryModule = NonNullable<Libp2pOptions['peerDiscovery']>[number]

export interface HostOptions {
  /** Namespaces every protocol: lower-case letters, digits, hyphens. */
  readonly networkName: string
  /** 32 bytes shared by all nodes of a private network, or null. */
  readonly networkKey: Uint8Array | null
  readonly listen: ListenOptions
  /** As the operator wrote them; empty announces LAN addresses only. */
  readonly announce: readonly AnnounceAddress[]
  readonly dht: Enabled | null
  /** Networks, as `address/bits`, whose addresses stand for many peers each: no cap counts by them. @default none */
  readonly inboundExemptNetworks?: readonly string[]
  /** Relayed connections of its own, as the one who dials and as the one who is reached. @default null: off */
  readonly relayClient?: Enabled | null
  /**
   * WebRTC-direct for browsers, on a UDP port of `listen.hosts` (0: any); the certificate's file keeps the
   * address the same. @default null: off
   */
  readonly webRtcDirect?: {
    readonly port: number
    readonly certificatePath: string | null
  } | null
  readonly limits: HostLimits
  /** libp2p aborts a connection at its first missed ping. The reaper works either way. */
  readonly connectionMonitorEnabled: boolean
  /** This program's version, told to peers. */
  readonly version: string
  /** Modules that live inside libp2p. @default none */
  readonly discoveryModules?: readonly DiscoveryModule[]
  /** Between two looks for silent connections, ms. @default 5000 */
  readonly livenessCheckMs?: number
}

export interface HostComponents {
  readonly identity: Pick<Identity, 'peerId' | 'privateKey'>
  readonly logger: Logger
  readonly metrics: Metrics
  /** How well a peer is known, from memory: asked at each connection. @default everybody is a stranger */
  readonly standingOf?: StandingOf
  /** @default the system's resolver */
  readonly lookupName?: LookupName
  /** @default the system's interfaces */
  readonly readInterfaces?: () => readonly LocalAddress[]
  /** Renewals of the pair in `listen.ws.tls`. @default none: it is served to the end */
  readonly certificates?: CertificateService | null
  /** How fast TLS handshakes may begin. @default those of this host alone */
  readonly handshakeRates?: HandshakeRates
}
