import type { PeerId, Stream } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'

import { BoundedMap } from '../../lib/bounded-map.ts'
import { SharedBudget, type SharedLimits } from '../../lib/shared-budget.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import { isFunction, isObject, libraryMember, NetworkError } from '../errors.ts'
import type { NetworkMetrics } from '../metrics.ts'
import { keepAnswers } from './dht-answers.ts'
import { MessageLengths } from './message-lengths.ts'
import { Turns } from './turns.ts'

export interface DhtRequestLimits {
  /** Requests a peer may send at once. */
  readonly burst: number
  readonly perSecond: number
  /** Requests that are served to all peers together. */
  readonly inAll: SharedLimits
  /** For how long what was read about a peer is told again, ms. */
  readonly answerMaxAgeMs: number
  /** Bytes of what a request asks for. */
  readonly keyBytes: number
  /** Bytes of a request and of those that follow it before it is answered. */
  readonly unansweredBytes: number
  /** Requests refused to a peer before it is taken for a flood, at once and then a second. */
  readonly patience: { readonly burst: number; readonly perSecond: number }
  /** Peers counted; the one longest silent is forgotten. */
  readonly maxPeers: number
}

export interface DhtRequestParts {
  readonly metrics: Pick<NetworkMetrics, 'dhtRequestRefused'>
  readonly report: (peerId: string, offence: string, points: number) => void
  /** Whether a peer is more than a stranger. @default nobody */
  readonly isKnown?: (peerId: string) => boolean
  /** Shared with whatever else works for peers. @default its own */
  readonly turns?: Pick<Turns, 'take'>
}

/** What the guard looks at in a request. */
interface DhtRequest {
  readonly key?: Uint8Array
}

interface Budget {
  readonly requests: TokenBucket
  readonly patience: TokenBucket
}

/** Records would be somebody else's data on our disk, for two days and without end. */
const REFUSED = ['PUT_VALUE', 'GET_VALUE', 'ADD_PROVIDER', 'GET_PROVIDERS'] as const
const SERVED = ['FIND_NODE', 'PING'] as const
/** Ends the connection, see `SHUN_AT_POINTS`: no honest peer asks so much. */
const FLOOD_POINTS = 100

/**
 * Leaves of @libp2p/kad-dht 16.4 what peer routing needs: record and provider requests are refused, what is
 * served has a rate for each peer and in all, and a request a length: the library reads 4 MB, on each of a
 * peer's streams. So has its key: the library takes it for a peer ID and writes that as text, which costs the
 * square of its length, a second for 16 KiB. Answers are made in turns, since the library goes on without a pause
 * through all that came at once. Who goes on in spite of refusals is reported as a flood. Can go when kad-dht has
 * rates, lengths, pauses, and handlers that can be left out.
 */
export function guardDhtRequests(
  dht: KadDHT,
  limits: DhtRequestLimits,
  { metrics, report, isKnown = () => false, turns = new Turns() }: DhtRequestParts,
): void {
  // Key namespaces come from remotes: "constructor" must not find Object's.
  Object.setPrototypeOf(dht.validators, null)
  Object.setPrototypeOf(dht.selectors, null)
  const rpc = libraryMember(dht, 'rpc', isObject)
  const handlers = libraryMember(rpc, 'handlers', isObject)
  const budgets = new BoundedMap<string, Budget>({
    limit: limits.maxPeers,
    isSpent: ({ requests, patience }) => requests.isFull && patience.isFull,
  })
  const inAll = new SharedBudget(limits.inAll)

  const refuse = (peerId: string, type: string): never => {
    if (!budgetOf(budgets, peerId, limits).patience.tryTake()) {
      report(peerId, 'dht_flood', FLOOD_POINTS)
    }
    return turnAway(type)
  }
  const turnAway = (type: string): never => {
    metrics.dhtRequestRefused(type)
    throw new NetworkError('STREAM_REFUSED', `DHT request ${type} refused`, { type })
  }
  for (const type of REFUSED) {
    Reflect.set(handlers, type, { handle: async (from: PeerId) => refuse(from.toString(), type) })
  }
  for (const type of SERVED) {
    const handler = libraryMember(handlers, type, isObject)
    const handle = libraryMember(handler, 'handle', isFunction)
    Reflect.set(handler, 'handle', async (from: PeerId, message: DhtRequest): Promise<unknown> => {
      const id = from.toString()
      if ((message.key?.byteLength ?? 0) > limits.keyBytes) refuse(id, type)
      if (!budgetOf(budgets, id, limits).requests.tryTake()) refuse(id, type)
      // What others used up is nobody's fault.
      if (inAll.take(1, isKnown(id)) === 0) turnAway(type)
      const turn = turns.take()
      if (turn !== null) await turn
      return await Reflect.apply(handle, handler, [from, message])
    })
  }
  keepAnswers(dht, limits)
  limitRequestBytes(rpc, limits.unansweredBytes)
}

/**
 * Resets a stream on which more comes than requests that wait for an answer can be, and one whose length has no end:
 * the library looks at that only once it has one, and reads up to there byte by byte.
 */
function limitRequestBytes(rpc: object, limitBytes: number): void {
  const serve = libraryMember(rpc, 'onIncomingStream', isFunction)
  Reflect.set(
    rpc,
    'onIncomingStream',
    async (stream: Stream, ...rest: unknown[]): Promise<unknown> => {
      let waitingBytes = 0
      const lengths = new MessageLengths(limitBytes)
      const send = stream.send.bind(stream)
      stream.send = (data) => {
        waitingBytes = 0
        return send(data)
      }
      stream.addEventListener('message', (event) => {
        const { data } = event
        waitingBytes += data.byteLength
        if (stream.status !== 'open') return
        if (waitingBytes <= limitBytes && lengths.read(data.subarray()) !== null) return
        event.stopImmediatePropagation()
        stream.abort(
          new NetworkError('STREAM_REFUSED', 'a DHT request is too long', { waitingBytes }),
        )
      })
      return await Reflect.apply(serve, rpc, [stream, ...rest])
    },
  )
}

function budgetOf(
  budgets: BoundedMap<string, Budget>,
  peerId: string,
  { burst, perSecond, patience }: DhtRequestLimits,
): Budget {
  const known = budgets.get(peerId)
  if (known !== undefined) return known
  const budget = {
    requests: new TokenBucket({ capacity: burst, refillPerSecond: perSecond }),
    patience: new TokenBucket({
      capacity: patience.burst,
      refillPerSecond: patience.perSecond,
    }),
  }
  budgets.set(peerId, budget)
  return budget
}
