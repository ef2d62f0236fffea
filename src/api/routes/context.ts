import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'

import type { Clock } from '../../lib/clock.ts'
import type { RegistryView, RegistryWriter, TrustPolicy } from '../../registry/types.ts'
import type { HttpErrorCode } from '../errors.ts'
import type { ApiComponents } from '../options.ts'

/** The HTTP server as routes see it: handlers are typed by their schemas. */
export type ApiApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** What routes are handed. */
export interface RouteContext extends Omit<ApiComponents, 'clock' | 'registry'> {
  readonly registry: RegistryView
  readonly writer: RegistryWriter
  readonly trust: TrustPolicy
  /** The signed bytes of a trust entry; null when they are not here. @throws DeadlineError. */
  entryBytes(hash: string): Promise<Uint8Array | null>
  readonly clock: Clock
  readonly consensusThreshold: number
}

export type RegisterRoutes = (app: ApiApp, context: RouteContext) => void

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Anyone who reaches the port may call it, unlimited; it tells strangers next to nothing. */
    isOpen?: boolean
    /** Codes it may answer with beyond those any request may meet. */
    errors?: readonly HttpErrorCode[]
    /** Of the answer, where it is not JSON. */
    contentType?: string
  }
  interface FastifySchema {
    /** For the OpenAPI document. */
    summary?: string
    tags?: readonly string[]
  }
  interface FastifyRequest {
    /** False for a stranger on an open route. */
    hasAccess: boolean
  }
}
