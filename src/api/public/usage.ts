import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Clock } from '../../lib/clock.ts'
import type { PublicEndpoint } from './options.ts'

const BUCKET_MS = 600_000
/** Of ten minutes each: the last hour, and what has begun of the next bucket. */
const BUCKETS = 6
/** Clients remembered of one bucket; the least recent go first. */
const LIMIT_CLIENTS = 2_048
const LIMIT_TOP = 10

/** Who used the public listener within the last hour. */
export interface UsageReport {
  readonly endpoints: readonly {
    readonly name: PublicEndpoint
    /** Different ones, at most as many as are remembered. */
    readonly clients: number
    readonly requests: number
  }[]
  /** Those with most requests. */
  readonly top: readonly { readonly client: string; readonly requests: number }[]
}

interface Bucket {
  readonly number: number
  readonly clients: BoundedMap<string, Map<PublicEndpoint, number>>
  readonly requests: Map<PublicEndpoint, number>
}

/** Counts requests by client and endpoint; some 2 000 clients for each ten minutes of the last hour. */
export class Usage {
  readonly #endpoints: readonly PublicEndpoint[]
  readonly #clock: Pick<Clock, 'now'>
  #buckets: Bucket[] = []

  constructor(endpoints: readonly PublicEndpoint[], clock: Pick<Clock, 'now'>) {
    this.#endpoints = endpoints
    this.#clock = clock
  }

  /** @param client as `callerKey` writes it */
  note(client: string, endpoint: PublicEndpoint): void {
    const { clients, requests } = this.#bucket()
    const counts = clients.get(client) ?? new Map<PublicEndpoint, number>()
    clients.set(client, counts)
    counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1)
    requests.set(endpoint, (requests.get(endpoint) ?? 0) + 1)
  }

  report(): UsageReport {
    this.#bucket()
    const total = new Map<string, number>()
    const clientsOf = new Map(this.#endpoints.map((name) => [name, new Set<string>()]))
    for (const { clients } of this.#buckets) {
      for (const [client, counts] of clients.entries()) {
        for (const [endpoint, count] of counts) {
          clientsOf.get(endpoint)?.add(client)
          total.set(client, (total.get(client) ?? 0) + count)
        }
      }
    }
    const requestsOf = (name: PublicEndpoint) =>
      this.#buckets.reduce((sum, { requests }) => sum + (requests.get(name) ?? 0), 0)
    return {
      endpoints: this.#endpoints.map((name) => ({
        name,
        clients: clientsOf.get(name)?.size ?? 0,
        requests: requestsOf(name),
      })),
      top: [...total]
        .map(([client, requests]) => ({ client, requests }))
        .sort((a, b) => b.requests - a.requests || (a.client < b.client ? -1 : 1))
        .slice(0, LIMIT_TOP),
    }
  }

  #bucket(): Bucket {
    const number = Math.floor(this.#clock.now() / BUCKET_MS)
    // Also where the clock was set back: what was counted then belongs to no hour.
    this.#buckets = this.#buckets.filter(
      (one) => one.number > number - BUCKETS && one.number <= number,
    )
    const known = this.#buckets.find((one) => one.number === number)
    if (known !== undefined) return known
    const bucket: Bucket = {
      number,
      clients: new BoundedMap({ limit: LIMIT_CLIENTS }),
      requests: new Map(),
    }
    this.#buckets.push(bucket)
    return bucket
  }
}
