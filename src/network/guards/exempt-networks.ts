import { BlockList, isIP } from 'node:net'

import { classifyIp } from '../address-class.ts'

export interface ExemptionOptions {
  /** `address/bits` each, IPv4 or IPv6. */
  readonly networks: readonly string[]
  /** Loopback is the operator's own: the whole network lives on this machine. */
  readonly isLoopbackExempt: () => boolean
}

/**
 * Addresses that stand for many peers because the operator says so: a proxy in front of this node, a campus
 * behind one address. What counts peers by their address leaves these out.
 */
export class Exemptions {
  readonly #isLoopbackExempt: () => boolean
  readonly #networks = new BlockList()

  /** @throws ERR_INVALID_ADDRESS, ERR_OUT_OF_RANGE for what is no network; settings are checked before */
  constructor({ networks, isLoopbackExempt }: ExemptionOptions) {
    this.#isLoopbackExempt = isLoopbackExempt
    for (const network of networks) {
      const [address = '', bits] = network.split('/')
      const isIpv4 = isIP(address) === 4
      const prefix = bits === undefined ? (isIpv4 ? 32 : 128) : Number(bits)
      this.#networks.addSubnet(address, prefix, isIpv4 ? 'ipv4' : 'ipv6')
    }
  }

  /** @param ip in any spelling; what is no IP address is not exempt */
  has(ip: string): boolean {
    const family = isIP(ip)
    if (family === 0) return false
    // An IPv4 network holds its addresses in IPv6 spelling too.
    if (this.#networks.check(ip, family === 4 ? 'ipv4' : 'ipv6')) return true
    return this.#isLoopbackExempt() && classifyIp(ip) === 'loopback'
  }
}
