/** Shapes that `api` shows to the rest of the node: no Fastify type crosses this border. */
import type { Static } from 'typebox'

import type { nodeStatusSchema, peersReplySchema, readinessSchema } from './schemas/status.ts'

/** The answer of `GET /status`, built in `node/`, shown by the command line and the page. */
export type NodeStatus = Static<typeof nodeStatusSchema>

/** The answer of `GET /peers`. */
export type PeersReply = Static<typeof peersReplySchema>

/** Whether the node can do its work, and if not, what is missing. */
export type Readiness = Static<typeof readinessSchema>
