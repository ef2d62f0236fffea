import { isIP } from 'node:net'

/** Hops that are looked at, nearest first: a longer list is somebody's game. */
const LIMIT_HOPS = 32

export interface ForwardedRequest {
  /** Of the socket. */
  readonly peer: string
  /** `X-Forwarded-For`, all of them in one, if any. */
  readonly forwardedFor: string | undefined
  /** `Forwarded` (RFC 7239), likewise. */
  readonly forwarded: string | undefined
}

/**
 * Whom a request comes from. Headers count as far as trusted proxies wrote them: from the right, the first
 * address that is no trusted proxy's is the client, and what stands left of it is its own word.
 */
export function clientAddress(
  { peer, forwardedFor, forwarded }: ForwardedRequest,
  isTrusted: (address: string) => boolean,
): string {
  if (!isTrusted(peer)) return peer
  const hops = forwardedFor === undefined ? hopsOf(forwarded) : forwardedFor.split(',')
  let client = peer
  for (const hop of hops.slice(-LIMIT_HOPS).reverse()) {
    const address = addressOf(hop)
    // `unknown`, a made-up name, or rubbish: the proxy that wrote it is all that is known.
    if (address === null) return client
    client = address
    if (!isTrusted(address)) return client
  }
  return client
}

function hopsOf(forwarded: string | undefined): string[] {
  if (forwarded === undefined) return []
  return forwarded.split(',').map((element) => {
    const pair = element.split(';').find((one) => /^\s*for\s*=/i.test(one))
    return pair?.slice(pair.indexOf('=') + 1) ?? ''
  })
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`, quoted or not. */
function addressOf(hop: string): string | null {
  const text = hop.trim().replace(/^"(.*)"$/, '$1')
  const bracketed = /^\[([^\]]{2,64})\](?::\d{1,5})?$/.exec(text)?.[1]
  const candidate = bracketed ?? (isIP(text) === 0 ? text.replace(/:\d{1,5}$/, '') : text)
  return isIP(candidate) === 0 || candidate.includes('%') ? null : candidate
}
