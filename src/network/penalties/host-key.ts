import { isIP } from 'node:net'

import { classifyIp, normalizeHost } from '../address-class.ts'
import { sourceKeys } from '../guards/inbound-caps.ts'

/** Who holds an address, as one writes it: `203.0.113.9`, or the /64 of an IPv6 one. @returns null for no IP */
export function hostKey(ip: string): string | null {
  const plain = normalizeHost(ip.split('%')[0] ?? ip)
  const version = isIP(plain)
  if (version === 0) return null
  return version === 4 ? plain : sourceKeys(plain).host.replace('/64', '::/64')
}

/** The host of a public address; null for any other, behind which there may be many. */
export function publicHostKey(ip: string): string | null {
  return classifyIp(ip) === 'public' ? hostKey(ip) : null
}
