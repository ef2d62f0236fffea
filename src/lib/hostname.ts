import { isIPv4, isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'

type HostKind = 'dns' | 'ip4' | 'ip6'

/** A place in the network, without port. DNS names are lower case, in ASCII, without the last dot. */
export interface Host {
  readonly kind: HostKind
  readonly value: string
}

/** Underscores are no host names by the book, but container engines hand them out. */
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/

/** An IP address (no brackets, no zone) or a DNS name; null for anything else. */
export function parseHost(text: string): Host | null {
  if (isIPv4(text)) return { kind: 'ip4', value: text }
  if (isIPv6(text) && !text.includes('%')) return { kind: 'ip6', value: text.toLowerCase() }
  const value = parseDnsName(text)
  return value === null ? null : { kind: 'dns', value }
}

function parseDnsName(text: string): string | null {
  // Only international names go through the URL standard's rules: they would also turn `0x7f.1` into
  // an address.
  const ascii = /^[\0-\x7f]*$/.test(text) ? text : domainToASCII(text)
  const name = ascii.toLowerCase().replace(/\.$/, '')
  if (name.length === 0 || name.length > 253) return null
  const labels = name.split('.')
  if (!labels.every((label) => LABEL.test(label))) return null
  // A name whose last label is a number can only be a mistyped IPv4 address (RFC 1123, 2.1).
  return /^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '') ? null : name
}

/** A port that can be dialled; null for 0 and for anything else. */
export function parsePort(text: string): number | null {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65_535 ? port : null
}
