import { isIP } from 'node:net'

import { isPrivateName } from '../../lib/private-name.ts'

/** `Sec-Fetch-*`: browsers set these themselves, on loopback and over TLS; no page can change them. */
export interface FetchMetadata {
  readonly method: string
  readonly site: string | undefined
  readonly mode: string | undefined
  readonly dest: string | undefined
}

/**
 * Keeps web pages of other sites away from an API that trusts its caller's address: a page opened on
 * a trusted machine sends requests from there. Cross-site requests are known by their `Origin`; a
 * foreign name that was made to resolve to us (DNS rebinding) is known by its `Host`.
 */
export interface BrowserGuard {
  /** No Host at all is fine: every browser sends one. */
  isHostAllowed(host: string | undefined): boolean
  /** True for no Origin, and for the origin that the request's own Host names. */
  isOriginAllowed(origin: string | undefined, host: string | undefined): boolean
  /**
   * False for what another site's page loads (an image, a script, a frame), which brings no `Origin`
   * when it is a GET. A link that somebody followed is theirs to follow.
   */
  isFetchAllowed(fetch: FetchMetadata): boolean
}

export function createBrowserGuard(allowedHosts: readonly string[]): BrowserGuard {
  const allowed = new Set(allowedHosts.map((host) => host.toLowerCase()))
  return {
    isHostAllowed: (host) => {
      if (host === undefined) return true
      const name = hostName(host)
      if (name === null) return false
      // No stranger can point a private name at us.
      return isIP(name) !== 0 || allowed.has(name) || isPrivateName(name)
    },
    isOriginAllowed: (origin, host) => {
      if (origin === undefined) return true
      const parsed = URL.parse(origin)
      return parsed !== null && host !== undefined && parsed.host === host.toLowerCase()
    },
    isFetchAllowed: ({ method, site, mode, dest }) => {
      if (site === undefined || site === 'same-origin' || site === 'none') return true
      return method === 'GET' && mode === 'navigate' && dest === 'document'
    },
  }
}

/** The name or address in a Host header, lower case, without port, brackets and final dot. */
function hostName(host: string): string | null {
  const url = URL.parse(`http://${host}`)
  if (url === null || url.username !== '' || url.pathname !== '/' || url.hostname === '')
    return null
  return url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
}
