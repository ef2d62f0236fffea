/** What a flood is aimed at. */
export interface Target {
  readonly ip: string
  readonly tcpPort: number
  readonly wsPort: number
  readonly peerId: string
  readonly networkName: string
  /** Gossip topics of the registry, which anybody who connects is told. */
  readonly topics: readonly string[]
}

/** The end of a flood and what it has sent so far, by what it is called in the table. */
export interface FloodContext {
  readonly target: Target
  /** Addresses that are this flood's alone: 20 subnets. @param index any, from 0 */
  host(index: number): string
  readonly signal: AbortSignal
  count(what: string, by?: number): void
}

/** Floods until the signal; what the node does to its connections is no error of it. */
export type Flood = (context: FloodContext) => Promise<void>

export type Counts = Readonly<Record<string, number>>
