import { isIP } from 'node:net'

import { BoundedMap } from '../../lib/bounded-map.ts'

const LIMIT_WITNESSES = 64

export interface Observation {
  /** The IP from which a peer sees this node come. */
  readonly ip: string
  /** The network that the peer is in. */
  readonly subnet: string
}

/**
 * The addresses from which peers see this node come: its NAT's, or its own. Each network has one voice, so
 * one host that lies under many names is outvoted.
 */
export class ObservedHosts {
  readonly #seen = new BoundedMap<string, Observation>({ limit: LIMIT_WITNESSES })

  /** @returns whether the peer sees us somewhere else than before */
  note(peerId: string, observation: Observation): boolean {
    const before = this.#seen.get(peerId)
    this.#seen.set(peerId, observation)
    return before?.ip !== observation.ip
  }

  /** Peers that see us at an IP. */
  witnesses(ip: string): string[] {
    return [...this.#seen.entries()].filter(([, seen]) => seen.ip === ip).map(([peerId]) => peerId)
  }

  forget(peerId: string): void {
    this.#seen.delete(peerId)
  }

  /** The IP that most networks see, for each family at most one; of equals, the one seen for longer. */
  best(): string[] {
    const votes = new Map<string, Set<string>>()
    for (const { ip, subnet } of this.#seen.values()) {
      votes.set(ip, (votes.get(ip) ?? new Set()).add(subnet))
    }
    const ranked = [...votes].sort(([, a], [, b]) => b.size - a.size).map(([ip]) => ip)
    return [4, 6].flatMap((family) => ranked.find((ip) => isIP(ip) === family) ?? [])
  }

  clear(): void {
    this.#seen.clear()
  }
}
