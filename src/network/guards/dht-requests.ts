import type { PeerId } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'

import { BoundedMap } from '../../lib/bounded-map.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import { isFunction, isObject, libraryMember, NetworkError } from '../errors.ts'
import type { NetworkMetrics } from '../metrics.ts'

export interface DhtRequestLimits {
  /** Requests a peer may send at once. */
  readonly burst: number
  readonly perSecond: number
  /** Peers counted; the one longest silent is forgotten. */
  readonly maxPeers: number
}

/** Records would be somebody else's data on our disk, for two days and without end. */
const REFUSED = ['PUT_VALUE', 'GET_VALUE', 'ADD_PROVIDER', 'GET_PROVIDERS'] as const
const SERVED = ['FIND_NODE', 'PING'] as const

/**
 * Leaves of @libp2p/kad-dht 16.4 what peer routing needs: record and provider requests are refused,
 * and what is served has a rate for each peer.
 */
export function guardDhtRequests(
  dht: KadDHT,
  limits: DhtRequestLimits,
  metrics: Pick<NetworkMetrics, 'dhtRequestRefused'>,
): void {
  // Key namespaces come from remotes: "constructor" must not find Object's.
  Object.setPrototypeOf(dht.validators, null)
  Object.setPrototypeOf(dht.selectors, null)
  const rpc = libraryMember(dht, 'rpc', isObject)
  const handlers = libraryMember(rpc, 'handlers', isObject)
  const buckets = new BoundedMap<string, TokenBucket>({ limit: limits.maxPeers })

  const refuse = (type: string): never => {
    metrics.dhtRequestRefused(type)
    throw new NetworkError('STREAM_REFUSED', `DHT request ${type} refused`, { type })
  }
  for (const type of REFUSED) Reflect.set(handlers, type, { handle: async () => refuse(type) })
  for (const type of SERVED) {
    const handler = libraryMember(handlers, type, isObject)
    const handle = libraryMember(handler, 'handle', isFunction)
    Reflect.set(handler, 'handle', async (from: PeerId, message: unknown): Promise<unknown> => {
      if (!bucketOf(buckets, from.toString(), limits).tryTake()) refuse(type)
      return await Reflect.apply(handle, handler, [from, message])
    })
  }
}

function bucketOf(
  buckets: BoundedMap<string, TokenBucket>,
  peerId: string,
  { burst, perSecond }: DhtRequestLimits,
): TokenBucket {
  const known = buckets.get(peerId)
  if (known !== undefined) return known
  const bucket = new TokenBucket({ capacity: burst, refillPerSecond: perSecond })
  buckets.set(peerId, bucket)
  return bucket
}
