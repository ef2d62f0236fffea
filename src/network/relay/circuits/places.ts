import type { CircuitRefusal, RelayClient, RelayLimits } from '../types.ts'

type PlaceLimits = Pick<RelayLimits['circuits'], 'total' | 'perSource' | 'perDestination'>

/** How many circuits there are: in all, of each source, towards each destination. */
export class Places {
  readonly #limits: PlaceLimits
  readonly #bySource = new Map<string, number>()
  readonly #byDestination = new Map<string, number>()
  #taken = 0

  constructor(limits: PlaceLimits) {
    this.#limits = limits
  }

  get taken(): number {
    return this.#taken
  }

  /** @returns how to give the place back, callable twice, or which bound is met */
  take(source: RelayClient, destination: RelayClient): (() => void) | CircuitRefusal {
    const { total, perSource, perDestination } = this.#limits
    if (this.#taken >= total) return 'circuits_total'
    if (countOf(this.#bySource, source) >= perSource) return 'circuits_source'
    if (countOf(this.#byDestination, destination) >= perDestination) return 'circuits_destination'
    this.#count(source, destination, 1)
    let isTaken = true
    return () => {
      if (isTaken) this.#count(source, destination, -1)
      isTaken = false
    }
  }

  #count(source: RelayClient, destination: RelayClient, by: 1 | -1): void {
    this.#taken += by
    add(this.#bySource, source, by)
    add(this.#byDestination, destination, by)
  }
}

function countOf(counts: ReadonlyMap<string, number>, { peerId }: RelayClient): number {
  return counts.get(peerId) ?? 0
}

/** A count of 0 is no entry, so that the maps are bounded by the circuits. */
function add(counts: Map<string, number>, client: RelayClient, by: number): void {
  const count = countOf(counts, client) + by
  if (count > 0) counts.set(client.peerId, count)
  else counts.delete(client.peerId)
}
