import { BlockList } from 'node:net'
import type { Host } from '../lib/hostname.ts'

type AddressScope =
  | 'public'
  | 'loopback'
  | 'private'
  | 'link-local'
  | 'carrier-grade NAT'
  | 'documentation'

type Range = readonly [address: string, bits: number, family: 'ipv4' | 'ipv6']

const RANGES: readonly (readonly [AddressScope, readonly Range[]])[] = [
  [
    'loopback',
    [
      ['127.0.0.0', 8, 'ipv4'],
      ['::1', 128, 'ipv6'],
    ],
  ],
  [
    'link-local',
    [
      ['169.254.0.0', 16, 'ipv4'],
      ['fe80::', 10, 'ipv6'],
    ],
  ],
  ['carrier-grade NAT', [['100.64.0.0', 10, 'ipv4']]],
  [
    'private',
    [
      ['10.0.0.0', 8, 'ipv4'],
      ['172.16.0.0', 12, 'ipv4'],
      ['192.168.0.0', 16, 'ipv4'],
      ['fc00::', 7, 'ipv6'],
    ],
  ],
  [
    'documentation',
    [
      ['192.0.2.0', 24, 'ipv4'],
      ['198.51.100.0', 24, 'ipv4'],
      ['203.0.113.0', 24, 'ipv4'],
      ['2001:db8::', 32, 'ipv6'],
    ],
  ],
]

const LISTS = RANGES.map(([scope, ranges]) => {
  const blockList = new BlockList()
  for (const [address, bits, family] of ranges) blockList.addSubnet(address, bits, family)
  return { scope, blockList }
})

/** Names that only mean something on this machine or this LAN (RFC 6761, 6762, 8375). */
const LOCAL_NAME = /(^|\.)(localhost|local|internal|lan|home\.arpa)$/
const EXAMPLE_NAME = /(^|\.)(example(\.(com|net|org))?|test|invalid)$/

/** From where a host can be reached, as far as its spelling tells. */
export function addressScope(host: Host): AddressScope {
  if (host.kind === 'dns') {
    if (host.value === 'localhost' || host.value.endsWith('.localhost')) return 'loopback'
    if (LOCAL_NAME.test(host.value) || !host.value.includes('.')) return 'private'
    return EXAMPLE_NAME.test(host.value) ? 'documentation' : 'public'
  }
  const family = host.kind === 'ip4' ? 'ipv4' : 'ipv6'
  return LISTS.find(({ blockList }) => blockList.check(host.value, family))?.scope ?? 'public'
}

/** `0.0.0.0`, `::` and other spellings of it: a place to listen on, never one to dial. */
export function isUnspecified(host: Host): boolean {
  if (host.kind === 'ip4') return host.value === '0.0.0.0'
  return host.kind === 'ip6' && /^[0:.]*$/.test(host.value)
}

/** Whether a listener on this host is reached from this machine alone. */
export function isLoopbackHost(host: string): boolean {
  if (host === 'localhost') return true
  const kind = host.includes(':') ? 'ip6' : 'ip4'
  return addressScope({ kind, value: host }) === 'loopback'
}
