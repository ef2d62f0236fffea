import { once } from 'node:events'
import type { LookupFunction } from 'node:net'
import type { Transport } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { multiaddrToUri } from '@multiformats/multiaddr-to-uri'
import { WebSocket } from 'ws'

import { isFunction, libraryMember } from '../errors.ts'
import type { NetworkMetrics } from '../metrics.ts'
import { type FrameLimits, frameOptions, guardedClass } from './websocket-conduct.ts'

export interface WebSocketDialOptions {
  readonly limits: FrameLimits
  /** How the name of an address is looked up; null: by the system. @default null for all */
  readonly lookupOf?: (address: Multiaddr) => LookupFunction | null
}

/** libp2p's own part of a dial. */
interface DialSignal {
  readonly signal?: AbortSignal
}

/**
 * Dials with the WebSocket that is guarded on listeners. @libp2p/websockets 10.1 takes the one of Node 24, whose
 * server may send messages of 128 MiB, pieces and pings of which each holds what was read with it, and messages of
 * nothing, all before it says who it is: 500 MB within the five seconds of a dial. Can go when the library lets one
 * choose the class, or Node's has bounds.
 */
export function withGuardedDials<C>(
  factory: (components: C) => Transport,
  options: WebSocketDialOptions,
  metrics: Pick<NetworkMetrics, 'webSocketGuard'>,
): (components: C) => Transport {
  const { limits, lookupOf = () => null } = options
  const Guarded = guardedClass(WebSocket, { limits, metrics })
  const clientOptions = { ...frameOptions(limits), perMessageDeflate: false }
  const connect = async (address: Multiaddr, { signal }: DialSignal = {}) => {
    signal?.throwIfAborted()
    const lookup = lookupOf(address)
    const webSocket = new Guarded(
      multiaddrToUri(address),
      lookup === null ? clientOptions : { ...clientOptions, lookup },
    )
    webSocket.binaryType = 'arraybuffer'
    webSocket.once('open', () => {
      // Until libp2p listens: a first message may have come with the answer to the upgrade.
      webSocket.pause()
      setImmediate(() => webSocket.resume())
    })
    try {
      await once(webSocket, 'open', { signal })
    } catch (error) {
      webSocket.terminate()
      throw error
    }
    return webSocket
  }
  return (components) => {
    const transport = factory(components)
    libraryMember(transport, '_connect', isFunction)
    Reflect.set(transport, '_connect', connect)
    return transport
  }
}
