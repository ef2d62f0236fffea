import { BlockList, isIP } from 'node:net'
import { peerIdFromString } from '@libp2p/peer-id'

import { escapeRemote } from '../../lib/text.ts'
import { hostKey } from './host-key.ts'

/** Wider ones are a typing error, or the end of this station's network. */
const WIDEST = { 4: 8, 6: 16 } as const
/** An IPv6 network of one customer. */
const IPV6_HOST_BITS = 64

export type BanTarget =
  | { readonly kind: 'peer'; readonly target: string }
  | { readonly kind: 'host'; readonly target: string }
  | { readonly kind: 'network'; readonly target: string; readonly range: Range }

interface Range {
  readonly address: string
  readonly bits: number
  readonly family: 'ipv4' | 'ipv6'
}

export type ParsedTarget = BanTarget | { readonly kind: null; readonly problem: string }

/**
 * Reads `12D3KooW...`, `203.0.113.9`, `203.0.113.0/24`, `2001:db8::1` (its /64) or `2001:db8::/32`, into the
 * one spelling that is kept and compared.
 */
export function parseBanTarget(text: string): ParsedTarget {
  const [address = '', prefix, ...rest] = text.trim().split('/')
  const family = isIP(address)
  if (family === 0) return prefix === undefined ? parsePeer(address) : malformed(text)
  const widest = WIDEST[family === 4 ? 4 : 6]
  const all = family === 4 ? 32 : 128
  const bits = prefix === undefined ? all : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1
  if (rest.length > 0 || bits < 0 || bits > all) return malformed(text)
  if (bits < widest) {
    const shown = escapeRemote(text, 60)
    return { kind: null, problem: `${shown} is too wide: a /${widest} is the widest network` }
  }
  const host = hostKey(address)
  if (host === null) return malformed(text)
  const isHost = family === 4 ? bits === 32 : bits >= IPV6_HOST_BITS
  if (isHost) return { kind: 'host', target: host }
  const ip = family === 4 ? address : host.replace(/\/64$/, '')
  return network(ip, bits, family === 4 ? 'ipv4' : 'ipv6')
}

function parsePeer(text: string): ParsedTarget {
  try {
    return { kind: 'peer', target: peerIdFromString(text).toString() }
  } catch {
    return malformed(text)
  }
}

function network(ip: string, bits: number, family: Range['family']): BanTarget {
  const address = family === 'ipv4' ? maskedIpv4(ip, bits) : maskedIpv6(ip, bits)
  return { kind: 'network', target: `${address}/${bits}`, range: { address, bits, family } }
}

function maskedIpv4(ip: string, bits: number): string {
  const kept = ip.split('.').map((byte, at) => Number(byte) & byteMask(bits - 8 * at, 8))
  return kept.join('.')
}

/** Of the first four groups, which are all that a network of at most 64 bits has. */
function maskedIpv6(ip: string, bits: number): string {
  const groups = ip.replace(/::$/, '').split(':')
  const kept = groups.map((group, at) => parseInt(group, 16) & byteMask(bits - 16 * at, 16))
  return `${kept.map((group) => group.toString(16)).join(':')}::`
}

/** The mask of one byte or group of `width` bits, of which so many belong to the network. */
function byteMask(bits: number, width: number): number {
  const inside = Math.max(0, Math.min(width, bits))
  const all = 2 ** width - 1
  return all - (2 ** (width - inside) - 1)
}

function malformed(text: string): ParsedTarget {
  const shown = escapeRemote(text, 60)
  return { kind: null, problem: `"${shown}" is no peer ID, IP address or network in CIDR form` }
}

/** Whether an address lies in what is banned; never in a peer. */
export function isWithin(target: BanTarget, ip: string): boolean {
  if (target.kind === 'peer') return false
  const host = hostKey(ip)
  if (host === null) return false
  if (target.kind === 'host') return host === target.target
  const { address, bits, family } = target.range
  const plain = host.replace(/\/64$/, '')
  if ((isIP(plain) === 4) !== (family === 'ipv4')) return false
  const list = new BlockList()
  list.addSubnet(address, bits, family)
  return list.check(plain, family)
}
