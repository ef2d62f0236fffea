import type { HostLimits } from '../limits.ts'
import type { CutReason } from './channel-guard.ts'
import type { ChannelLimits } from './limits.ts'
import type { Knocks } from './metrics.ts'

/** What the process that speaks WebRTC has to know. The node's key is not in it: see `Signer`. */
export interface ChildOptions {
  readonly peerId: string
  readonly certificate: {
    readonly pem: string
    readonly privateKey: string
    readonly certhash: string
  }
  readonly limits: ChannelLimits
  /** Of the streams between the two processes. */
  readonly streams: HostLimits['yamux']['streamOptions']
  /** From the first packet to a connection that the node keeps. */
  readonly upgradeTimeoutMs: number
}

/** What the node says. */
export type ToChild =
  | { readonly kind: 'begin'; readonly options: ChildOptions }
  | { readonly kind: 'listen'; readonly address: string }
  /** @param signature in base64; null: not signed */
  | { readonly kind: 'signed'; readonly id: number; readonly signature: string | null }
  | { readonly kind: 'beat' }
  | { readonly kind: 'stop' }

/** What the child says. */
export type FromChild =
  | { readonly kind: 'listening'; readonly address: string; readonly port: number }
  | { readonly kind: 'deaf'; readonly address: string; readonly problem: string }
  | { readonly kind: 'sign'; readonly id: number; readonly bytes: string }
  | { readonly kind: 'cut'; readonly reason: CutReason }
  /** The answer to a beat. @param knocks strangers since the last one */
  | { readonly kind: 'alive'; readonly rssBytes: number; readonly knocks: Knocks }
