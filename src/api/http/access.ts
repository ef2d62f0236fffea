import { createHash, timingSafeEqual } from 'node:crypto'

import { HttpError, type HttpErrorCode } from '../errors.ts'
import { type BrowserGuard, createBrowserGuard, type FetchMetadata } from './browser-guard.ts'
import { addressSet, isLoopback } from './networks.ts'

/** What the decision rests on. Forwarding headers are no part of it: anyone can write them. */
export interface Caller {
  /** The socket's remote address; undefined once it is closed. */
  readonly address: string | undefined
  readonly authorization: string | undefined
  readonly host: string | undefined
  readonly origin: string | undefined
  /** What browsers say about where a request comes from. */
  readonly fetch: FetchMetadata
}

export interface AccessPolicyOptions {
  readonly token: string | null
  readonly trustedNetworks: readonly string[]
  readonly allowedHosts: readonly string[]
}

export interface AccessPolicy {
  /** Whether callers from this address need no token: loopback and the trusted networks. */
  isKnown(address: string | undefined): boolean
  /** null when the caller may use the API, else the answer it gets. */
  refusal(caller: Caller): HttpError | null
}

const SENTENCES = {
  TOKEN_REQUIRED: 'this address needs a bearer token: send "Authorization: Bearer <token>"',
  TOKEN_INVALID: 'the bearer token is not the one this station was given',
  ADDRESS_NOT_TRUSTED: 'this address is not trusted and this station has no token set',
  HOST_NOT_ALLOWED: 'the Host header names a host that this station does not know as its own',
  ORIGIN_NOT_ALLOWED: 'requests from pages of other sites are refused',
} as const satisfies Partial<Record<HttpErrorCode, string>>

/**
 * Who may use the API: a valid token from anywhere; without one, loopback and the trusted networks,
 * unless a browser brings the request from another site. @throws ApiError `INVALID_NETWORK`.
 */
export function createAccessPolicy(options: AccessPolicyOptions): AccessPolicy {
  const isTrusted = addressSet(options.trustedNetworks)
  const guard = createBrowserGuard(options.allowedHosts)
  const tokenDigest = options.token === null ? null : digest(options.token)

  const isKnown = (address: string | undefined) =>
    address !== undefined && (isLoopback(address) || isTrusted(address))
  return {
    isKnown,
    refusal: (caller) => {
      const token = bearerToken(caller.authorization)
      if (token !== null && tokenDigest !== null && timingSafeEqual(digest(token), tokenDigest)) {
        return null
      }
      if (isKnown(caller.address)) return browserRefusal(guard, caller)
      if (tokenDigest === null) return refuse('ADDRESS_NOT_TRUSTED')
      return token === null ? refuse('TOKEN_REQUIRED') : refuse('TOKEN_INVALID')
    },
  }
}

function browserRefusal(guard: BrowserGuard, caller: Caller): HttpError | null {
  if (!guard.isHostAllowed(caller.host)) return refuse('HOST_NOT_ALLOWED')
  if (!guard.isOriginAllowed(caller.origin, caller.host)) return refuse('ORIGIN_NOT_ALLOWED')
  if (!guard.isFetchAllowed(caller.fetch)) return refuse('ORIGIN_NOT_ALLOWED')
  return null
}

function refuse(code: keyof typeof SENTENCES): HttpError {
  const isAboutToken = code === 'TOKEN_REQUIRED' || code === 'TOKEN_INVALID'
  const headers = isAboutToken ? { 'www-authenticate': 'Bearer' } : undefined
  return new HttpError(code, SENTENCES[code], { headers })
}

/** The token of an `Authorization: Bearer` header; null for none and for any other scheme. */
export function bearerToken(authorization: string | undefined): string | null {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? null
}

/** Of equal length whatever the token, so that the comparison takes equal time. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
