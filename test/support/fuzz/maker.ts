import type { Identity } from '../../../src/identity/index.ts'
import type { SeededRandom } from './random.ts'

/** What a message has to know to be looked at beyond its first fields. */
export interface MessageFacts {
  /** Of the peer that sends it. */
  readonly identity: Identity
  /** Addresses of the logs that the node keeps, which are the topics of its gossip. */
  readonly logs: readonly string[]
}

/** Makes messages of the protocols whose name matches. */
export interface Maker {
  readonly of: RegExp
  make(random: SeededRandom, facts: MessageFacts, protocol: string): Uint8Array
}
