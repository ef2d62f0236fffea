/** What the parent asks of a process with clients. */
export type ClientsRequest =
  /** Clients that begin to connect, one after the other. Answer at once: nothing. */
  | {
      readonly do: 'connect'
      /** One for each client. */
      readonly addresses: readonly string[]
      readonly everyMs: number
      readonly links: number
    }
  /** How it went. Answer: `ConnectFigures[]` once all have a place and a link or gave up, null before. */
  | { readonly do: 'connected' }
  /** Links that are open now, both ends counted. Answer: number. */
  | { readonly do: 'links' }
  /** Each client says hello to each one that it is linked with. Answer: `HelloFigures`. */
  | { readonly do: 'hello' }

export interface ConnectFigures {
  /** From `connect()`; null: not within the time. */
  readonly onlineMs: number | null
  readonly reservedMs: number | null
  /** The first other one is linked. */
  readonly linkedMs: number | null
}

export interface HelloFigures {
  readonly answered: number
  readonly failed: number
  readonly roundTripMs: readonly number[]
}
