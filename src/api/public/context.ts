import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'

import type { Clock } from '../../lib/clock.ts'
import type { EntryPages } from './entry-pages.ts'
import type { PublicApiComponents, PublicApiOptions, PublicEndpoint } from './options.ts'
import type { Outgoing } from './outgoing.ts'

/** What routes of the public listener are handed. */
export interface PublicContext
  extends Pick<PublicApiOptions, 'peerId' | 'networkName' | 'version' | 'endpoints'>,
    Pick<PublicApiComponents, 'bootstrap' | 'findPeer' | 'logger'> {
  readonly nodes: EntryPages
  readonly outgoing: Outgoing
  readonly clock: Clock
  readonly answerTimeoutMs: number
  /** Aborted when the listener stops. */
  readonly signal: AbortSignal
}

export type PublicApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger
>

export type RegisterPublicRoutes = (app: PublicApp, context: PublicContext) => void

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Of the public listener: what the operator switches off and restricts. */
    endpoint?: PublicEndpoint
  }
  interface FastifyRequest {
    /** Of the public listener: whom the request comes from, as far as trusted proxies say. */
    clientAddress: string
    /** Of the public listener: the answer holds nothing of what was asked for. */
    isEmptyAnswer: boolean
  }
}
