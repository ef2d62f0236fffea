import { BlockList, isIP, isIPv4 } from 'node:net'

import { ApiError } from '../errors.ts'

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/** An IPv4 address is written as such even when it came in through an IPv6 socket; no zone. */
export function plainAddress(address: string): string {
  const withoutZone = address.split('%')[0] ?? address
  return MAPPED_IPV4.exec(withoutZone)?.[1] ?? withoutZone
}

/** Answers whether an address lies in one of the ranges. */
export type AddressSet = (address: string) => boolean

/**
 * Parses `10.0.0.0/8`, `fd00::/8` and single addresses.
 * @throws ApiError `INVALID_NETWORK` naming the range.
 */
export function addressSet(ranges: readonly string[]): AddressSet {
  const list = new BlockList()
  for (const range of ranges) addRange(list, range)
  return (address) => {
    const plain = plainAddress(address)
    const version = isIP(plain)
    return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6')
  }
}

function addRange(list: BlockList, range: string): void {
  const [address = '', prefix, ...rest] = range.trim().split('/')
  const version = isIP(address)
  const widest = version === 4 ? 32 : 128
  const bits = prefix === undefined ? widest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1
  if (version === 0 || rest.length > 0 || bits < 0 || bits > widest) {
    throw new ApiError('INVALID_NETWORK', `not an address range: ${range}`, { range })
  }
  list.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6')
}

export const isLoopback: AddressSet = addressSet(['127.0.0.0/8', '::1'])

/**
 * What counts as one caller: an IPv4 address, or the /64 of an IPv6 address, since a single host
 * has as many addresses in it as it likes.
 */
export function callerKey(address: string): string {
  const plain = plainAddress(address)
  if (isIPv4(plain) || isIP(plain) === 0) return plain
  return `${groupsOf(plain).slice(0, 4).join(':')}::/64`
}

/** The network that a caller is in and that one customer of a provider may have as a whole: a /24, of IPv6 a /48. */
export function callerNetwork(address: string): string {
  const plain = plainAddress(address)
  if (isIP(plain) === 0) return plain
  if (isIPv4(plain)) return `${plain.split('.').slice(0, 3).join('.')}.0/24`
  return `${groupsOf(plain).slice(0, 3).join(':')}::/48`
}

/** All eight of an IPv6 address. */
function groupsOf(plain: string): string[] {
  const [head = '', tail = ''] = plain.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === '' ? [] : tail.split(':')
  const zeros = plain.includes('::') ? Math.max(0, 8 - before.length - after.length) : 0
  return [...before, ...Array<string>(zeros).fill('0'), ...after]
}
