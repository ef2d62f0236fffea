import type { Libp2p, Stream, StreamMessageEvent } from '@libp2p/interface'

import type { Clock } from '../../lib/clock.ts'
import { TokenBuckets } from '../../lib/token-buckets.ts'
import type { BitswapLimits } from '../options.ts'
import { BitswapError, type MessageLimits, MessageParts } from './bitswap-wire.ts'

const MIB = 1024 ** 2
const PEERS_LIMIT = 4096
/** Shorter ones are ends of messages, one each, or somebody's work for us. */
const PIECE_BYTES = 256
/**
 * Messages and parts of one peer. A fetch is a message and a part each way, and ten milliseconds pass before the
 * next: what eight logs have missing at once takes half of it.
 */
const WORK = { capacity: 5000, refillPerSecond: 500 }
/** Entries have a KiB, as a rule, and eight at most. */
const TRAFFIC = { capacity: 8 * MIB, refillPerSecond: MIB }

/** Eight fetches run at once: this is enough for any machine, and a few milliseconds of work. */
const MOST_PARTS = 512
/** The library's own. */
const DEFAULTS = { messageBytes: 4 * MIB, wants: 1024 }

/** Most bytes and parts of one message, from the options of bitswap; the library's defaults for those not set. */
export function messageLimits(limits: BitswapLimits): MessageLimits {
  const { maxIncomingMessageSize, maxWantListSize } = limits
  return {
    messageBytes: maxIncomingMessageSize ?? DEFAULTS.messageBytes,
    // Answers to all that we may want of it, and as many wants of its own.
    parts: Math.min(2 * (maxWantListSize ?? DEFAULTS.wants), MOST_PARTS),
  }
}

/**
 * The host as bitswap is to see it: a stream on which comes more than its peer has leave for, or what is no message
 * within the limits, is reset before anything of it is decoded. @helia/bitswap 4.0 bounds a message's bytes alone, and
 * decodes and handles the half million parts that fit into them without a pause. Can go when it has limits for both.
 */
export function gatedHost(
  libp2p: Libp2p,
  limits: MessageLimits,
  clock: Pick<Clock, 'now'>,
): Libp2p {
  const work = new TokenBuckets({ ...WORK, limit: PEERS_LIMIT, clock })
  const traffic = new TokenBuckets({ ...TRAFFIC, limit: PEERS_LIMIT, clock })
  const take = (buckets: TokenBuckets, peerId: string, count: number) => {
    if (!buckets.tryTake(peerId, count)) throw new BitswapError('TOO_OFTEN')
  }
  const handle: Libp2p['handle'] = (protocols, handler, options) =>
    libp2p.handle(
      protocols,
      (stream, connection) => {
        const peerId = connection.remotePeer.toString()
        const parts = new MessageParts(limits, () => take(work, peerId, 1))
        checkMessages(stream, (chunk) => {
          take(traffic, peerId, chunk.length)
          // What comes in many pieces is taken apart again in as many steps as the square of their number.
          if (chunk.length < PIECE_BYTES) take(work, peerId, 1)
          parts.read(chunk)
        })
        return handler(stream, connection)
      },
      options,
    )
  return new Proxy(libp2p, {
    get: (target, key) => {
      if (key === 'handle') return handle
      const member: unknown = Reflect.get(target, key)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

/** What comes is checked before the stream's reader sees it; it sees nothing of what is refused, or after. */
function checkMessages(stream: Stream, check: (chunk: Uint8Array) => void): void {
  let isRefused = false
  const onMessage = (event: StreamMessageEvent) => {
    try {
      const chunks = event.data instanceof Uint8Array ? [event.data] : event.data
      if (!isRefused) for (const chunk of chunks) check(chunk)
    } catch (error) {
      isRefused = true
      stream.abort(error instanceof Error ? error : new BitswapError('MALFORMED'))
    }
    if (isRefused) event.stopImmediatePropagation()
  }
  const listen = stream.addEventListener.bind(stream)
  // Not at once: a stream keeps what came until somebody listens.
  Reflect.set(stream, 'addEventListener', (...args: Parameters<typeof listen>) => {
    if (args[0] === 'message') listen('message', onMessage)
    listen(...args)
  })
}
