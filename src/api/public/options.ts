import type { Clock } from '../../lib/clock.ts'
import type { RegistryService } from '../../registry/types.ts'
import type { Logger, Metrics } from '../../telemetry/index.ts'
import type { CertificateService, HandshakeRates } from '../../tls/index.ts'
import type { SignedBootstrap } from '../../wire/signed-bootstrap.ts'
import type { ApiAddress } from '../options.ts'
import type { UsageReport } from './usage.ts'

/** What can be switched on and off, as `PUBLIC_ENDPOINTS` names it. */
export const PUBLIC_ENDPOINTS = ['bootstrap', 'routing', 'registry'] as const

export type PublicEndpoint = (typeof PUBLIC_ENDPOINTS)[number]

export interface PublicApiOptions {
  /** Address to listen on; `::` means IPv4 too, and IPv4 alone where there is no IPv6. */
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  readonly peerId: string
  readonly networkName: string
  readonly version: string
  readonly endpoints: readonly PublicEndpoint[]
  /** Endpoints that only these networks and holders of the token may use; neither set: no restriction. */
  readonly restricted: readonly PublicEndpoint[]
  readonly allowedNetworks: readonly string[]
  readonly token: string | null
  /** CIDR ranges whose word on the client's address counts. */
  readonly trustedProxies: readonly string[]
  /** Per client (IPv4 address, IPv6 /64), also the burst. */
  readonly rateLimitPerMinute: number
  /** @default DEFAULT_PUBLIC_LIMITS */
  readonly limits?: Partial<PublicLimits>
}

/** Bounds that are no settings. */
export interface PublicLimits {
  readonly maxConnections: number
  /** Sockets of one client; a trusted proxy speaks for many. */
  readonly maxConnectionsPerClient: number
  /** From a /24 or /48: IPv6 clients have as many /64s as they like. */
  readonly maxConnectionsPerNetwork: number
  readonly maxHeaderBytes: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly checkIntervalMs: number
  readonly maxRequestsPerSocket: number
  /** Clients whose rate is remembered. */
  readonly maxCallers: number
  /** For all that an answer waits for. */
  readonly answerTimeoutMs: number
  readonly stopGraceMs: number
  readonly stopTimeoutMs: number
}

export const DEFAULT_PUBLIC_LIMITS: PublicLimits = {
  // At a few KB each while idle; what answers hold is shared between them.
  maxConnections: 512,
  maxConnectionsPerClient: 16,
  maxConnectionsPerNetwork: 96,
  maxHeaderBytes: 8_192,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  idleTimeoutMs: 30_000,
  // A page checks 500 signatures between two requests, on a phone.
  keepAliveTimeoutMs: 30_000,
  checkIntervalMs: 2_000,
  maxRequestsPerSocket: 1_000,
  maxCallers: 10_000,
  answerTimeoutMs: 8_000,
  stopGraceMs: 300,
  stopTimeoutMs: 800,
}

/** What is known of a peer; addresses are multiaddrs without its own `/p2p`. */
export interface FoundPeer {
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly protocols: readonly string[]
  /** When it was looked up, ms since 1970. */
  readonly foundAtMs: number
}

/** What the public listener needs from the rest of the node. */
export interface PublicApiComponents {
  /** The same object while nothing changed. */
  bootstrap(): Promise<SignedBootstrap>
  /** Peers are base58btc; no addresses: nobody knows any. */
  findPeer(peerId: string, signal: AbortSignal): Promise<FoundPeer>
  readonly registry: {
    readonly view: Pick<RegistryService['view'], 'listed' | 'revision'>
    entriesOf: RegistryService['entriesOf']
  }
  /** null: plain HTTP. */
  readonly certificates: CertificateService | null
  /** How fast TLS handshakes may begin. @default those of this listener alone */
  readonly handshakeRates?: HandshakeRates
  readonly logger: Logger
  readonly metrics: Metrics
  /** @default systemClock */
  readonly clock?: Clock
}

/** For `GET /status`. */
export interface PublicStatus {
  readonly address: ApiAddress
  readonly isSecure: boolean
  readonly endpoints: readonly { readonly name: PublicEndpoint; readonly isRestricted: boolean }[]
  readonly usage: UsageReport
}

export interface PublicApiService {
  /** Resolves to the bound address. @throws ApiError `PORT_IN_USE`, `LISTEN_FAILED`. */
  start(): Promise<ApiAddress>
  /** Within `stopTimeoutMs`, every socket closed. */
  stop(): Promise<void>
  /** null while not listening. */
  status(): PublicStatus | null
}
