/** Shapes that `api` shows to the rest of the node: no Fastify type crosses this border. */
import type { Static } from 'typebox'

import type { relayReplySchema } from './schemas/relay.ts'
import type { nodeStatusSchema, peersReplySchema, readinessSchema } from './schemas/status.ts'
import type { trustKeysReplySchema } from './schemas/trust.ts'
import type { statementsReplySchema, vouchesReplySchema } from './schemas/trust-statement.ts'

/** The answer of `GET /status`, built in `node/`, shown by the command line and the page. */
export type NodeStatus = Static<typeof nodeStatusSchema>

/** The answer of `GET /peers`. */
export type PeersReply = Static<typeof peersReplySchema>

/** The answer of `GET /relay`, built in `node/`. */
export type RelayReply = Static<typeof relayReplySchema>

/** Whether the node can do its work, and if not, what is missing. */
export type Readiness = Static<typeof readinessSchema>

/** The answer of `GET /trust`. */
export type TrustKeysReply = Static<typeof trustKeysReplySchema>

/** The answers of `GET /trust/statements` and `GET /trust/vouches`. */
export type StatementsReply = Static<typeof statementsReplySchema>
export type VouchesReply = Static<typeof vouchesReplySchema>
