import { BlockList, isIP } from 'node:net'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'

import { INTERFACES_TTL_MS } from './constants.ts'

/** One address of this machine. */
export interface LocalAddress {
  readonly interfaceName: string
  readonly ip: string
  /** Prefix length, null where the system tells none. */
  readonly prefixBits: number | null
  /** A loopback interface. */
  readonly isInternal: boolean
  /** A bridge that only containers or virtual machines on this host are behind. */
  readonly isVirtualBridge: boolean
}

/** A container's own interface is called eth0: only the host's side of a bridge matches. */
const VIRTUAL_BRIDGE = /^(docker\d+|br-[0-9a-f]{12}|veth|virbr|cni|flannel|podman|lxcbr|lxdbr)/

/** Reads this machine's addresses. @param read for tests. @default os.networkInterfaces */
function listLocalAddresses(read = networkInterfaces): LocalAddress[] {
  return Object.entries(read()).flatMap(([interfaceName, entries]) =>
    (entries ?? []).map((entry) => toLocalAddress(interfaceName, entry)),
  )
}

function toLocalAddress(interfaceName: string, entry: NetworkInterfaceInfo): LocalAddress {
  const bits = Number(entry.cidr?.split('/')[1])
  return {
    interfaceName,
    ip: entry.address,
    prefixBits: Number.isInteger(bits) ? bits : null,
    isInternal: entry.internal,
    isVirtualBridge: VIRTUAL_BRIDGE.test(interfaceName),
  }
}

/** This machine's addresses, read at most once in five seconds. */
export class LocalNetwork {
  readonly #read: () => readonly LocalAddress[]
  readonly #now: () => number
  #addresses: readonly LocalAddress[] = []
  #subnets = new BlockList()
  #readAtMs = Number.NEGATIVE_INFINITY

  /** @param now ms, monotonic. @default performance.now */
  constructor(
    read: () => readonly LocalAddress[] = listLocalAddresses,
    now = () => performance.now(),
  ) {
    this.#read = read
    this.#now = now
  }

  addresses(): readonly LocalAddress[] {
    this.#refresh()
    return this.#addresses
  }

  /** Whether an IP is reached directly, through one of our interfaces. */
  isOnLink(ip: string): boolean {
    this.#refresh()
    return this.#subnets.check(ip, isIP(ip) === 6 ? 'ipv6' : 'ipv4')
  }

  #refresh(): void {
    if (this.#now() - this.#readAtMs < INTERFACES_TTL_MS) return
    this.#readAtMs = this.#now()
    this.#addresses = this.#read()
    this.#subnets = new BlockList()
    for (const { ip, prefixBits, isInternal } of this.#addresses) {
      // A zero prefix would put the whole internet on our link.
      if (isInternal || prefixBits === null || prefixBits === 0) continue
      this.#subnets.addSubnet(ip, prefixBits, isIP(ip) === 6 ? 'ipv6' : 'ipv4')
    }
  }
}
