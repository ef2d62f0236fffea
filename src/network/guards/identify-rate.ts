import type { Connection, Stream } from '@libp2p/interface'
import { SharedBudget, type SharedLimits } from '../../lib/shared-budget.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import { isFunction, libraryMember, NetworkError } from '../errors.ts'

export interface IdentifyRateLimits {
  /** Of one connection, at once and then a second. */
  readonly ofConnection: { readonly burst: number; readonly perSecond: number }
  /** Of all connections together. */
  readonly inAll: SharedLimits
  /** The first of a connection counts towards none of that: so many connections are made, and no more. */
  readonly isFirstFree: boolean
  /** Refused to a connection before its peer is taken for a flood. */
  readonly patience: { readonly burst: number; readonly perSecond: number }
}

export interface IdentifyRateParts {
  readonly report: (peerId: string, offence: string, points: number) => void
  /** Whether a peer is more than a stranger. */
  readonly isKnown: (peerId: string) => boolean
}

interface Budget {
  readonly requests: TokenBucket
  readonly patience: TokenBucket
}

/** Ends the connection, see `SHUN_AT_POINTS`: no honest peer has so much to tell. */
const FLOOD_POINTS = 100

/**
 * Bounds how often a peer asks who we are, or tells who it is. @libp2p/identify 4.1 signs a record for each
 * question, and reads every push of 8 KiB into the peer store, some ten milliseconds, as often as they come. Can go
 * when the library has rates.
 * @param service what `identify()` or `identifyPush()` of that package made, not started
 */
export function guardIdentify(
  service: object,
  limits: IdentifyRateLimits,
  { report, isKnown }: IdentifyRateParts,
): void {
  const handle = libraryMember(service, 'handleProtocol', isFunction)
  const budgets = new WeakMap<Connection, Budget>()
  const inAll = new SharedBudget(limits.inAll)

  const budgetOf = (connection: Connection): Budget => {
    const known = budgets.get(connection)
    if (known !== undefined) return known
    const budget = { requests: bucketOf(limits.ofConnection), patience: bucketOf(limits.patience) }
    budgets.set(connection, budget)
    return budget
  }
  Reflect.set(service, 'handleProtocol', async (stream: Stream, connection: Connection) => {
    const peerId = connection.remotePeer.toString()
    const isFree = limits.isFirstFree && !budgets.has(connection)
    const { requests, patience } = budgetOf(connection)
    if (!requests.tryTake()) {
      if (!patience.tryTake()) report(peerId, 'identify_flood', FLOOD_POINTS)
      throw refusal()
    }
    // What others used up is nobody's fault.
    if (!isFree && inAll.take(1, isKnown(peerId)) === 0) throw refusal()
    return await Reflect.apply(handle, service, [stream, connection])
  })
}

const refusal = () => new NetworkError('STREAM_REFUSED', 'identify is asked or told too often')

function bucketOf({ burst, perSecond }: { burst: number; perSecond: number }): TokenBucket {
  return new TokenBucket({ capacity: burst, refillPerSecond: perSecond })
}
