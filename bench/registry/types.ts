/** One implementation of the registry under measurement: ours, or stock OrbitDB. */
export interface Contender {
  /** Where another process finds it: a dialable multiaddr, and the database to open there. */
  readonly contact: Contact
  put(id: string, value: object): Promise<void>
  /** How many records a reader can use now; costs next to nothing. */
  usable(): number
  /** Entries of the log that have joined; null where nobody counts them. */
  entries(): number | null
  get(id: string): Promise<boolean>
  /** @returns how many records were listed */
  list(): Promise<number>
  close(): Promise<void>
}

export interface Contact {
  readonly multiaddr: string
  readonly database: string
}

export interface ContenderOptions {
  readonly directory: string
  /** Whom to connect to, and whose database to open; null: the first one. */
  readonly contact: Contact | null
}

export type Side = 'ours' | 'stock'

/** What a process is asked to do, one at a time. */
export type Request =
  | { readonly do: 'put'; readonly from: number; readonly count: number; readonly version: number }
  | { readonly do: 'await'; readonly count: number; readonly timeoutMs: number }
  | { readonly do: 'await-log'; readonly entries: number; readonly timeoutMs: number }
  | { readonly do: 'read'; readonly rounds: number; readonly of: number }
  | { readonly do: 'list'; readonly rounds: number }
  | { readonly do: 'close' }

/** Durations are milliseconds. `delayP99Ms` and `delayMaxMs`: of the event loop while it was done. */
export interface Answer {
  readonly ms: number
  /** Of all cores, which a busy machine does not change much. */
  readonly cpuMs: number
  /** Records put, found, read or listed. */
  readonly count: number
  /** Of records awaited: usable after two seconds. */
  readonly early: number
  readonly delayP99Ms: number
  readonly delayMaxMs: number
  readonly rssMb: number
  /** Once all garbage was collected: what the records themselves hold. */
  readonly rssAfterGcMb: number
}

/** The first message of a process. */
export interface Opened {
  readonly contact: Contact
  /** Reading its modules, which a bundle makes short. */
  readonly loadMs: number
  /** From then to being usable. */
  readonly openMs: number
  /** Of the event loop while it opened. */
  readonly openDelayMaxMs: number
  readonly rssMb: number
  readonly rssAfterGcMb: number
}
