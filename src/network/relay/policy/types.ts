/** Shapes of the relay's policies that `node/` fills in; no libp2p type is among them. */
import type { PeerRole } from '../../role.ts'
import type { RelayRequest, RelayVerdict } from '../types.ts'

export type RelayPolicyName = 'open' | 'registry' | 'trusted' | 'list' | 'http'

/** The operator's own service that is asked about each request; docs/relay.md has its contract. */
export interface RelayHookOptions {
  /** `http:` or `https:`, without user and password. */
  readonly url: string
  /** Sent as a bearer token; asked for at each request, so that no log of these options has it. */
  readonly secret: { reveal(): string }
  /** From the question to the end of the answer, waiting for a turn included, ms. @default 3000 */
  readonly deadlineMs?: number
  /** Questions under way. @default 8 */
  readonly concurrency?: number
  /** Questions that wait for a turn; the next one is refused. @default 64 */
  readonly queue?: number
  /** A yes is good for so long, ms. @default 300000 */
  readonly allowMs?: number
  /** A no is, ms. @default 30000 */
  readonly denyMs?: number
  /** No new question about the same for so long after one that failed, ms. @default 5000 */
  readonly failedMs?: number
  /** Answers remembered. @default 2048 */
  readonly answersLimit?: number
}

export type RelayPolicyOptions =
  | { readonly name: 'open' | 'registry' | 'trusted' }
  | {
      readonly name: 'list'
      readonly peers: readonly string[]
      /** One peer ID a line, `#` begins a comment; read again when it changes. */
      readonly files: readonly string[]
    }
  | { readonly name: 'http'; readonly hook: RelayHookOptions }

/** What the registry says of a peer, from memory: asked of each client once a second. */
export interface RelayMembers {
  /** False until the registry is open: then nobody can be told apart. */
  readonly isReady: boolean
  /** It wrote, or is named by, a node record that is listed. */
  isMember(peerId: string): boolean
  /** The trust policy counts its word: an authority, a station with a vouch, or a key of its that counts. */
  isTrusted(peerId: string): boolean
  /** What was trusted of it was taken back by who may do so. */
  isRevoked(peerId: string): boolean
}

/** What a peer did to this node, as `PeerPenalties` has it. */
export interface RelayStanding {
  penaltyOf(peerId: string): number
  isShunned(peerId: string): boolean
}

/** What identify says of peers, as far as the host knows. */
export interface RelayStrangers {
  /** null before it is known. */
  roleOf(peerId: string): PeerRole | null
  /** Waits for it. @returns null when the signal is aborted first */
  identified(peerId: string, signal: AbortSignal): Promise<PeerRole | null>
}

/** One way to decide, without what all policies have in common. */
export interface AccessRule {
  readonly name: RelayPolicyName
  /** Whether a peer that it does not know gets a grace, so that it can become known. */
  readonly hasGrace: boolean
  /** Never throws; an abort of the signal is a refusal. */
  judge(request: RelayRequest, signal: AbortSignal): RelayVerdict | Promise<RelayVerdict>
  /** What it says now of a request that it allowed, without waiting for anything. */
  recall(request: RelayRequest): RelayVerdict
  start(): Promise<void>
  stop(): Promise<void>
}

export const ALLOWED: RelayVerdict = { isAllowed: true }
/** As a thin client, within the quota of those. */
export const ALLOWED_AS_CLIENT: RelayVerdict = { isAllowed: true, class: 'client' }

export function denied(reason: string): RelayVerdict {
  return { isAllowed: false, reason }
}
