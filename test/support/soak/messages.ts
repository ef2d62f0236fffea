/** What every process of the rig is told. */
interface CommonOptions {
  readonly seed: number
  /** It begins at a faster pace. */
  readonly rushMs: number
}

/** What the rig and its processes say to each other. */
export interface LightOptions extends CommonOptions {
  readonly count: number
  /** Names of the registry's logs, which are gossip topics and part of protocols. */
  readonly logs: readonly string[]
}

export interface StationsOptions extends CommonOptions {
  readonly count: number
  readonly folder: string
  /** Between two writes of all of them together. */
  readonly writeEveryMs: number
}

export interface HostileOptions extends CommonOptions {
  readonly logs: readonly string[]
}

/** From the rig. */
export type Order =
  | { readonly order: 'finish'; readonly limitMs: number }
  | { readonly order: 'stop' }

/** Counters of a process since its start, told every few seconds. */
export interface Tally {
  readonly kind: 'tally'
  readonly counts: Readonly<Record<string, number>>
}

/** A record that was written, and when every station that should have it had it. */
export interface WriteReport {
  readonly kind: 'write'
  readonly atMs: number
  /** From the call to its end at the station itself. */
  readonly localMs: number
  /** null: not everybody had it in time. */
  readonly deliveredMs: number | null
  /** Who had it last. */
  readonly slowest: string
}

/** How the views compare once nobody writes any more. */
export interface FinishReport {
  readonly kind: 'finish'
  /** From the last write's end; null: not within the limit. */
  readonly equalAfterMs: number | null
  /** Honest records that the node and its partner should have, and how many of them are missing or old. */
  readonly expected: number
  readonly missing: Readonly<Record<string, number>>
  readonly listed: Readonly<Record<string, number>>
}

export type Report = Tally | WriteReport | FinishReport | { readonly kind: 'ready' }
