import type { Clock } from '../lib/clock.ts'
import type { BanControl, ConnectedPeer } from '../network/types.ts'
import type { RegistryService } from '../registry/types.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import type { NodeStatus, Readiness, RelayReply } from './types.ts'

export interface ApiOptions {
  /** Address to listen on; `localhost` means 127.0.0.1. */
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  /** Bearer token for callers that are neither on loopback nor on a trusted network; null: none. */
  readonly token: string | null
  /** CIDR ranges or single addresses whose callers need no token. */
  readonly trustedNetworks: readonly string[]
  /**
   * Further names a `Host` header may carry, beside IP addresses, names without a dot and names that
   * public DNS cannot hold (`.localhost`, `.local`, `.internal`, `.home.arpa`).
   * @default []
   */
  readonly allowedHosts?: readonly string[]
  /** Per caller address (IPv6: per /64), also the burst; null: no limit. */
  readonly rateLimitPerMinute: number | null
  /** Attesters that make a consensus. */
  readonly consensusThreshold: number
  readonly bodyLimitBytes: number
  /** @default DEFAULT_API_LIMITS */
  readonly limits?: Partial<ApiLimits>
}

/** Bounds that are no settings: nobody has a reason to tune them, tests do. */
export interface ApiLimits {
  readonly maxConnections: number
  /** Of callers that are neither on loopback nor on a trusted network, together. */
  readonly maxStrangerConnections: number
  /** From one address (IPv6: one /64) on loopback or on a trusted network. */
  readonly maxConnectionsPerCaller: number
  /** From one address of any other. */
  readonly maxConnectionsPerStranger: number
  /** With the last of them the client is told to close; a request after that closes the socket. */
  readonly maxRequestsPerSocket: number
  /** Wrong tokens an address may send at once, and every minute. */
  readonly wrongTokensPerMinute: number
  /** From the first byte to the end of the headers. */
  readonly headersTimeoutMs: number
  /** From the first byte to the end of the body. */
  readonly requestTimeoutMs: number
  /** A socket on which nothing moves, a client that does not read included. */
  readonly idleTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  /** How often slow clients are looked for. */
  readonly checkIntervalMs: number
  /** A body beyond the limit is read and dropped up to here, so that its sender can read the 413. */
  readonly drainLimitBytes: number
  /** Callers whose rate is remembered. */
  readonly maxCallers: number
  readonly registryTimeoutMs: number
  /** Requests under way get this long at `stop()` before their sockets are cut. */
  readonly stopGraceMs: number
  readonly stopTimeoutMs: number
}

export const DEFAULT_API_LIMITS: ApiLimits = {
  // A station has some ten services, each with a few sockets; at 100 KB a body this is 13 MB.
  maxConnections: 128,
  // Strangers leave half to those who are known, and one leaves most of that half to the others.
  maxStrangerConnections: 64,
  // All ingesters of a host may come from one address, that of the bridge.
  maxConnectionsPerCaller: 96,
  maxConnectionsPerStranger: 8,
  maxRequestsPerSocket: 1_000,
  // A token has 16 characters at least: nobody guesses one at this rate, and a typo is forgiven.
  wrongTokensPerMinute: 10,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  idleTimeoutMs: 30_000,
  keepAliveTimeoutMs: 10_000,
  checkIntervalMs: 2_000,
  drainLimitBytes: 4 * 1024 * 1024,
  maxCallers: 1_000,
  // Below the 10 s after which the commonest client gives up.
  registryTimeoutMs: 8_000,
  stopGraceMs: 1_000,
  stopTimeoutMs: 2_000,
}

/** What the API needs from the rest of the node. */
export interface ApiComponents {
  readonly registry: Pick<RegistryService, 'view' | 'writer' | 'trust' | 'entryBytes'>
  nodeStatus(): NodeStatus
  /** Who this node is and where it listens: cheap, for who asks often. */
  whereabouts(): Pick<NodeStatus, 'peer_id' | 'addresses'>
  peers(): readonly ConnectedPeer[]
  readiness(): Readiness
  relay(): RelayReply
  readonly bans: BanControl
  /** All metrics in Prometheus' text format. */
  metricsText(): Promise<string>
  /** The registry as one signed file; absent: there is no such route. */
  snapshot?(): AsyncIterable<Uint8Array>
  readonly logger: Logger
  readonly metrics: Metrics
  /** @default systemClock */
  readonly clock?: Clock
}

export interface ApiAddress {
  readonly host: string
  readonly port: number
}

export interface ApiService {
  /** Resolves to the bound address. @throws ApiError `PORT_IN_USE`, `LISTEN_FAILED`. */
  start(): Promise<ApiAddress>
  /** Resolves within `stopTimeoutMs`, every socket closed. */
  stop(): Promise<void>
  /** null while not listening. */
  address(): ApiAddress | null
}
