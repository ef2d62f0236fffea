import { isIP } from 'node:net'

import { peerIdFromString } from '@libp2p/peer-id'
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { dnsName, normalizeHost } from '../address-class.ts'

/** Longer multiaddrs are of no kind that this node dials. */
const LIMIT_CHARACTERS = 512
/** What is longer has a longer text, but for an IPv6 address or two. */
const LIMIT_ADDRESS_BYTES = LIMIT_CHARACTERS
const LIMIT_PEER_ID_CHARACTERS = 128

/** What a multiaddr leads to, as far as dialling is concerned. */
export interface Endpoint {
  readonly kind: 'ip4' | 'ip6' | 'dns' | 'dnsaddr'
  /** An IP without zone, or a lower-case name without trailing dot. */
  readonly host: string
  readonly port: number
  /** Behind TCP: nothing, a WebSocket, or something that no transport here speaks. */
  readonly layer: 'tcp' | 'websocket' | 'other'
}

/** An address without its peer ID, and the peer ID. */
export interface SplitAddress {
  readonly address: string
  readonly peerId: string | null
}

/** A remote's multiaddr as text; null for one of no sensible length, or that has no text. */
export function addressText(address: Multiaddr): string | null {
  if (address.bytes.byteLength > LIMIT_ADDRESS_BYTES) return null
  try {
    const text = address.toString()
    return text.length > LIMIT_CHARACTERS ? null : text
  } catch {
    // @multiformats/multiaddr 13 takes any value of some components, and throws when it writes it.
    return null
  }
}

/** @returns null for anything that is no multiaddr of a sensible length. */
function parseAddress(text: string): Multiaddr | null {
  if (text.length === 0 || text.length > LIMIT_CHARACTERS) return null
  try {
    return multiaddr(text)
  } catch {
    return null
  }
}

/** Separates a trailing `/p2p/<id>`; null for malformed text. */
export function splitAddress(text: string): SplitAddress | null {
  const parsed = parseAddress(text)
  if (parsed === null) return null
  const components = parsed.getComponents()
  const last = components.at(-1)
  if (last === undefined) return null
  if (last.code !== CODE_P2P) return { address: parsed.toString(), peerId: null }
  const peerId = canonicalPeerId(last.value ?? '')
  return peerId === null ? null : { address: withoutLast(parsed), peerId }
}

/** The usual spelling of a peer ID, `12D3KooW...`; null for anything else. */
export function canonicalPeerId(text: string): string | null {
  if (text.length > LIMIT_PEER_ID_CHARACTERS) return null
  try {
    return peerIdFromString(text).toString()
  } catch {
    return null
  }
}

/** Without the last component only: a relayed address keeps the peer ID of its relay. */
function withoutLast(address: Multiaddr): string {
  return multiaddr(address.getComponents().slice(0, -1)).toString()
}

/** @returns null for relayed, UDP, Unix and malformed addresses, bent names too: nothing here dials them. */
export function endpointOf(text: string): Endpoint | null {
  const components = parseAddress(text)?.getComponents() ?? []
  const named = components.filter((part) => part.name !== 'ip6zone' && part.name !== 'p2p')
  if (components.some((part) => part.name === 'p2p-circuit')) return null
  const [host, transport, ...rest] = named
  if (host?.value === undefined) return null
  if (host.name === 'dnsaddr') return endpoint('dnsaddr', host.value, 0, 'other')
  const kind = host.name.startsWith('dns') ? 'dns' : host.name
  if (kind !== 'ip4' && kind !== 'ip6' && kind !== 'dns') return null
  if (transport?.name !== 'tcp' || transport.value === undefined) return null
  return endpoint(kind, host.value, Number(transport.value), layerOf(rest.map((p) => p.name)))
}

/**
 * The network that an address is in, for spreading connections: the /24 of an IPv4, the /48 of an
 * IPv6, the name itself for a name.
 */
export function subnetOf(text: string): string {
  const target = endpointOf(text)
  if (target === null) return 'other'
  if (target.kind === 'ip4') return `${target.host.split('.').slice(0, 3).join('.')}.0/24`
  if (target.kind === 'ip6')
    return `${normalizeHost(target.host).split(':').slice(0, 3).join(':')}::/48`
  return target.host
}

/** `/ip4/../tcp/..` for an IP, with the rest of the original address behind the host. */
export function replaceHost(text: string, ip: string): string {
  const [, , ...rest] = text.split('/').slice(1)
  return `/${isIP(ip) === 6 ? 'ip6' : 'ip4'}/${ip}/${rest.join('/')}`
}

/** One spelling per IP or name; an IPv4-mapped IPv6 becomes the IPv4. */
export function normalizeIp(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)
  if (mapped?.[1] !== undefined) return mapped[1]
  return normalizeHost(ip)
}

function endpoint(
  kind: Endpoint['kind'],
  host: string,
  port: number,
  layer: Endpoint['layer'],
): Endpoint | null {
  const spelled = kind === 'ip4' || kind === 'ip6' ? host.toLowerCase() : dnsName(host)
  return spelled === null ? null : { kind, host: spelled, port, layer }
}

function layerOf(names: readonly string[]): Endpoint['layer'] {
  if (names.length === 0) return 'tcp'
  return names.at(-1) === 'ws' || names.at(-1) === 'wss' ? 'websocket' : 'other'
}
