import { hostKeyOf } from '../hop/client-source.ts'
import type { RelayClient, RelayLimits } from '../types.ts'

type PlaceLimits = Pick<RelayLimits['circuits'], 'total' | 'perSource' | 'perDestination'> & {
  /** Opened from one public host. @default not bounded */
  readonly perHost?: number
}

export type PlaceBound = 'total' | 'source' | 'destination' | 'host'

/** How many circuits of one class there are: in all, of each source and its host, towards each destination. */
export class Places {
  readonly #limits: PlaceLimits
  readonly #bySource = new Map<string, number>()
  readonly #byDestination = new Map<string, number>()
  readonly #byHost = new Map<string, number>()
  #taken = 0

  constructor(limits: PlaceLimits) {
    this.#limits = limits
  }

  get taken(): number {
    return this.#taken
  }

  /** @returns how to give the place back, callable twice, or which bound is met */
  take(source: RelayClient, destination: RelayClient): (() => void) | PlaceBound {
    const { total, perSource, perDestination, perHost = total } = this.#limits
    if (this.#taken >= total) return 'total'
    if (countOf(this.#bySource, source.peerId) >= perSource) return 'source'
    if (countOf(this.#byDestination, destination.peerId) >= perDestination) return 'destination'
    // Behind a private address, a proxy's for example, there may be many.
    const isPublic = source.host !== source.subnet
    if (isPublic && countOf(this.#byHost, hostKeyOf(source)) >= perHost) return 'host'
    this.#count(source, destination, 1)
    let isTaken = true
    return () => {
      if (isTaken) this.#count(source, destination, -1)
      isTaken = false
    }
  }

  #count(source: RelayClient, destination: RelayClient, by: 1 | -1): void {
    this.#taken += by
    add(this.#bySource, source.peerId, by)
    add(this.#byDestination, destination.peerId, by)
    add(this.#byHost, hostKeyOf(source), by)
  }
}

function countOf(counts: ReadonlyMap<string, number>, key: string): number {
  return counts.get(key) ?? 0
}

/** A count of 0 is no entry, so that the maps are bounded by the circuits. */
function add(counts: Map<string, number>, key: string, by: number): void {
  const count = countOf(counts, key) + by
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}
