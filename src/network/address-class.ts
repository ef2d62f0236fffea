import { BlockList, isIP } from 'node:net'
import { CODE_P2P, CODE_P2P_CIRCUIT, type Multiaddr } from '@multiformats/multiaddr'

import { parseHost } from '../lib/hostname.ts'

export type AddressClass =
  | 'public'
  | 'private'
  | 'carrier-nat'
  | 'loopback'
  | 'link-local'
  | 'metadata'
  | 'unspecified'
  | 'multicast'
  | 'reserved'

type Range = readonly [address: string, bits: number]

/**
 * First match wins. Documentation ranges count as public: nothing routes them, and closed test
 * networks use them as their internet.
 */
const RANGES: readonly (readonly [AddressClass, readonly Range[]])[] = [
  // Metadata services of AWS, Alibaba, Azure and Google, which hand credentials to whoever asks from inside.
  [
    'metadata',
    [
      ['169.254.169.254', 32],
      ['100.100.100.200', 32],
      ['168.63.129.16', 32],
      ['fd00:ec2::254', 128],
      ['fd20:ce::254', 128],
    ],
  ],
  [
    'unspecified',
    [
      ['0.0.0.0', 8],
      ['::', 128],
    ],
  ],
  [
    'loopback',
    [
      ['127.0.0.0', 8],
      ['::1', 128],
    ],
  ],
  [
    'link-local',
    [
      ['169.254.0.0', 16],
      ['fe80::', 10],
    ],
  ],
  [
    'private',
    [
      ['10.0.0.0', 8],
      ['172.16.0.0', 12],
      ['192.168.0.0', 16],
      ['fc00::', 7],
      // Site-local addresses and a provider's own NAT64: gone or local, and never somebody else's.
      ['fec0::', 10],
      ['64:ff9b:1::', 48],
    ],
  ],
  ['carrier-nat', [['100.64.0.0', 10]]],
  [
    'multicast',
    [
      ['224.0.0.0', 4],
      ['ff00::', 8],
    ],
  ],
  [
    'reserved',
    [
      ['240.0.0.0', 4],
      ['192.0.0.0', 24],
      ['192.88.99.0', 24],
      ['100::', 64],
      // IPv4-compatible and -translated addresses: nobody uses them, some systems still take them for IPv4.
      ['::', 96],
      ['::ffff:0:0:0', 96],
    ],
  ],
]

const LISTS = RANGES.map(([addressClass, ranges]) => {
  const list = new BlockList()
  for (const [address, bits] of ranges) {
    list.addSubnet(address, bits, isIP(address) === 4 ? 'ipv4' : 'ipv6')
  }
  return { addressClass, list }
})

/**
 * The class of an IPv4 or IPv6 address. An IPv6 address that carries an IPv4 one (mapped, NAT64, 6to4, Teredo)
 * has the class of what it carries, since that is where the packets go.
 * @returns null when the text is no IP address
 */
export function classifyIp(ip: string): AddressClass | null {
  const family = isIP(ip)
  if (family === 0) return null
  const carried = family === 6 ? carriedIpv4(ip) : null
  if (carried !== null) return classifyIp(carried)
  const type = family === 4 ? 'ipv4' : 'ipv6'
  return LISTS.find(({ list }) => list.check(ip, type))?.addressClass ?? 'public'
}

function carriedIpv4(ip: string): string | null {
  const groups = ipv6Groups(ip)
  const mapped = mappedIpv4(groups)
  if (mapped !== null) return mapped
  const isNat64 = groups[0] === 0x64 && groups[1] === 0xff9b && isZero(groups.slice(2, 6))
  if (isNat64) return quad(groups[6], groups[7])
  // Teredo writes its client's address with every bit turned over.
  const isTeredo = groups[0] === 0x2001 && groups[1] === 0
  if (isTeredo) return quad(~(groups[6] ?? 0) & 0xffff, ~(groups[7] ?? 0) & 0xffff)
  return groups[0] === 0x2002 ? quad(groups[1], groups[2]) : null
}

/** An IPv4 address in IPv6 spelling: the very same address to a socket. */
function mappedIpv4(groups: readonly number[]): string | null {
  const isMapped = isZero(groups.slice(0, 5)) && groups[5] === 0xffff
  return isMapped ? quad(groups[6], groups[7]) : null
}

function isZero(groups: readonly number[]): boolean {
  return groups.every((group) => group === 0)
}

function quad(high = 0, low = 0): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

/** The eight 16-bit groups of a valid IPv6 address; a zone is ignored. */
function ipv6Groups(ip: string): number[] {
  const text = (ip.split('%')[0] ?? '').replace(
    /(\d+)\.(\d+)\.(\d+)\.(\d+)$/,
    (_, a, b, c, d) =>
      `${(Number(a) * 256 + Number(b)).toString(16)}:${(Number(c) * 256 + Number(d)).toString(16)}`,
  )
  const [head = '', tail] = text.split('::')
  const parse = (part: string) => (part === '' ? [] : part.split(':').map((g) => parseInt(g, 16)))
  const front = parse(head)
  if (tail === undefined) return front
  const back = parse(tail)
  return [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back]
}

/**
 * One spelling of a DNS name: lower case, in ASCII, without the last dot. What is no host name is null: a
 * resolver leaves characters out that a URL, by which a WebSocket is dialled, takes for the end of the host. So
 * `/dns4/10.0.0.1\x.example` would be looked up at one place and dialled at another.
 */
export function dnsName(value: string): string | null {
  const host = parseHost(value)
  return host?.kind === 'dns' ? host.value : null
}

/** One spelling for each IP, so that two texts of one address compare equal. Names are lower-cased. */
export function normalizeHost(host: string): string {
  if (isIP(host) !== 6) return host.toLowerCase().replace(/\.$/, '')
  const groups = ipv6Groups(host)
  return mappedIpv4(groups) ?? groups.map((group) => group.toString(16)).join(':')
}

/** Where a multiaddr's first hop leads. */
export interface AddressTarget {
  readonly kind: 'ip' | 'name'
  /** Normalized IP or name. */
  readonly host: string
  /** TCP or UDP port, null where none is given. */
  readonly port: number | null
  /** The last `/p2p/<id>`: who answers in the end. */
  readonly peerId: string | null
  readonly isCircuit: boolean
  /** The `/p2p/<id>` in front of the first circuit: who relays; null where there is none. */
  readonly relayPeerId: string | null
  /** More than one relay on the way. */
  readonly isChain: boolean
  /**
   * Normalized `/sni/<name>`: a secure WebSocket is dialled there, whatever host stands in front;
   * null where there is none.
   */
  readonly tlsName: string | null
}

/** @returns null for an address that does not begin with an IP or a DNS name, or has an `/sni` that is none */
export function targetOf(address: Multiaddr): AddressTarget | null {
  const components = address.getComponents()
  const [begin, ...rest] = components
  const first = begin?.name === 'ip6zone' ? rest[0] : begin
  if (first?.value === undefined) return null
  const isIp = first.name === 'ip4' || first.name === 'ip6'
  if (!isIp && !/^dns(4|6|addr)?$/.test(first.name)) return null
  const port = components.find(({ name }) => name === 'tcp' || name === 'udp')?.value
  const circuits = components.filter(({ code }) => code === CODE_P2P_CIRCUIT).length
  const host = isIp ? normalizeHost(first.value) : dnsName(first.value)
  const sni = components.find(({ name }) => name === 'sni')?.value
  const tlsName = sni === undefined ? null : dnsName(sni)
  if (host === null || (sni !== undefined && tlsName === null)) return null
  const relay = components[components.findIndex(({ code }) => code === CODE_P2P_CIRCUIT) - 1]
  return {
    kind: isIp ? 'ip' : 'name',
    host,
    port: port === undefined ? null : Number(port),
    peerId: components.findLast(({ code }) => code === CODE_P2P)?.value ?? null,
    isCircuit: circuits > 0,
    relayPeerId: relay?.code === CODE_P2P ? (relay.value ?? null) : null,
    isChain: circuits > 1,
    tlsName,
  }
}

/** The class of a multiaddr's first hop; null for names and for what has no host. */
export function classOf(address: Multiaddr): AddressClass | null {
  const target = targetOf(address)
  return target?.kind === 'ip' ? classifyIp(target.host) : null
}
