import { isIP } from 'node:net'

// Names under these can never be delegated in public DNS, so no stranger can point one at us
// (RFC 6761, RFC 6762, RFC 8375; .internal is reserved by ICANN).
const PRIVATE_SUFFIXES = ['.localhost', '.local', '.internal', '.home.arpa']

/**
 * Whether a host name means something on this machine, in its container network or on its LAN alone: one under a
 * suffix that public DNS never delegates, or one without a dot, as container aliases are. False for IP addresses.
 */
export function isPrivateName(name: string): boolean {
  const bare = bareName(name)
  if (bare === '' || isIP(bare) !== 0) return false
  return !bare.includes('.') || PRIVATE_SUFFIXES.some((suffix) => bare.endsWith(suffix))
}

/** Whether a host name is this machine's own: `localhost` and what is under it (RFC 6761). */
export function isLoopbackName(name: string): boolean {
  const bare = bareName(name)
  return bare === 'localhost' || bare.endsWith('.localhost')
}

function bareName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}
