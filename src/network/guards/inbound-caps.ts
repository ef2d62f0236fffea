import { isIP } from 'node:net'
import type { MultiaddrConnection } from '@libp2p/interface'

import type { Source } from './source.ts'

export interface InboundCapLimits {
  /** Connections from one public IPv4 address or one IPv6 /64. */
  readonly perHost: number
  /** Connections from one IPv4 /24 or one IPv6 /48. */
  readonly perSubnet: number
  /** Connections from one private address: a LAN's gateway or a proxy speaks for many. */
  readonly perPrivateHost: number
}

export type InboundCap = 'host' | 'subnet' | 'private-host' | 'gone'

type Connection = Pick<MultiaddrConnection, 'status' | 'addEventListener'>

/**
 * Counts inbound connections by where they come from, upgraded or not, so that one host cannot take
 * every place. A connection counts until it closes, so the maps hold no more than there are sockets.
 */
export class InboundCaps {
  readonly #limits: InboundCapLimits
  readonly #counts = new Map<string, number>()

  constructor(limits: InboundCapLimits) {
    this.#limits = limits
  }

  /** Distinct sources counted now. */
  get size(): number {
    return this.#counts.size
  }

  /** @returns the cap that refuses the connection, or null when it was counted and may go on */
  admit(connection: Connection, source: Source): InboundCap | null {
    // Its close event has been: it would count for ever.
    if (connection.status !== 'open') return 'gone'
    const caps = this.#capsOf(source)
    for (const { cap, key, limit } of caps) {
      if ((this.#counts.get(key) ?? 0) >= limit) return cap
    }
    for (const { key } of caps) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
    connection.addEventListener('close', () => this.#release(caps.map(({ key }) => key)), {
      once: true,
    })
    return null
  }

  #capsOf({ kind, host, subnet }: Source) {
    const { perHost, perSubnet, perPrivateHost } = this.#limits
    switch (kind) {
      case 'exempt':
        return []
      case 'shared':
        return [{ cap: 'private-host', key: host, limit: perPrivateHost }] as const
      case 'public':
        return [
          { cap: 'host', key: host, limit: perHost },
          { cap: 'subnet', key: subnet, limit: perSubnet },
        ] as const
    }
  }

  #release(keys: readonly string[]): void {
    for (const key of keys) {
      const left = (this.#counts.get(key) ?? 1) - 1
      if (left > 0) this.#counts.set(key, left)
      else this.#counts.delete(key)
    }
  }
}

/**
 * Who holds an address: a customer gets one IPv4 address or an IPv6 /64, a small provider the subnet. The
 * allocation is what a registry of addresses gives one provider at its first asking, or no more than that.
 */
export function sourceKeys(ip: string): Pick<Source, 'host' | 'subnet' | 'allocation'> {
  const isIpv4 = isIP(ip) === 4
  const groups = ip.split(isIpv4 ? '.' : ':')
  if (isIpv4) {
    return {
      host: ip,
      subnet: `${groups.slice(0, 3).join('.')}/24`,
      allocation: `${groups.slice(0, 2).join('.')}/16`,
    }
  }
  return {
    host: `${groups.slice(0, 4).join(':')}/64`,
    subnet: `${groups.slice(0, 3).join(':')}/48`,
    allocation: `${groups.slice(0, 2).join(':')}/32`,
  }
}
