import { createHash, timingSafeEqual } from 'node:crypto'

import { addressSet } from '../http/networks.ts'
import { PublicError } from './errors.ts'
import type { PublicApiOptions, PublicEndpoint } from './options.ts'

export interface PublicAccess {
  isRestricted(endpoint: PublicEndpoint): boolean
  /** null when the client may use the endpoint, else the answer. */
  refusal(
    endpoint: PublicEndpoint,
    client: { readonly address: string; readonly authorization: string | undefined },
  ): PublicError | null
}

/** Whom the operator lets use a restricted endpoint: these networks, and holders of the token. @throws ApiError */
export function createPublicAccess(
  options: Pick<PublicApiOptions, 'restricted' | 'allowedNetworks' | 'token'>,
): PublicAccess {
  const isAllowed = addressSet(options.allowedNetworks)
  const tokenDigest = options.token === null ? null : digest(options.token)
  const isOpen = tokenDigest === null && options.allowedNetworks.length === 0
  const isRestricted = (endpoint: PublicEndpoint) =>
    !isOpen && options.restricted.includes(endpoint)
  return {
    isRestricted,
    refusal: (endpoint, { address, authorization }) => {
      if (!isRestricted(endpoint) || isAllowed(address)) return null
      if (tokenDigest === null) {
        return new PublicError('ADDRESS_NOT_ALLOWED', `${endpoint} is not served to this address`)
      }
      const token = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? null
      if (token !== null && timingSafeEqual(digest(token), tokenDigest)) return null
      const headers = { 'www-authenticate': 'Bearer' }
      return token === null
        ? new PublicError('TOKEN_REQUIRED', `${endpoint} needs a bearer token`, { headers })
        : new PublicError('TOKEN_INVALID', 'the bearer token is not the right one', { headers })
    },
  }
}

/** Of equal length whatever the token, so that the comparison takes equal time. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
