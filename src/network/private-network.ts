import type { ConnectionProtector } from '@libp2p/interface'
import { preSharedKey } from '@libp2p/pnet'

import { KIB } from './limits/scale.ts'

/** What noise makes at most: a message and its length. */
const MESSAGE_BYTES = 64 * KIB + 2

/**
 * Lets only those in who have the network key. @libp2p/pnet 3.0 joins all that waits into one message, of
 * megabytes at times, which a WebSocket has to send and receive whole; cut into what noise made, it passes the
 * bounds there. Can go when it sends as much as it was given.
 * @param key 32 bytes
 */
export function privateNetwork(key: Uint8Array): () => ConnectionProtector {
  const create: (...args: never[]) => ConnectionProtector = preSharedKey({ psk: swarmKey(key) })
  return (...components) => {
    const protector = create(...components)
    const protect = protector.protect.bind(protector)
    protector.protect = async (connection, options) => {
      const shut = await protect(connection, options)
      // As many bytes as a sender of @libp2p/utils 7.4 takes from what waits; its type leaves that out.
      Reflect.set(shut, 'maxMessageSize', MESSAGE_BYTES)
      return shut
    }
    return protector
  }
}

/** The text form in which @libp2p/pnet wants its key. */
function swarmKey(key: Uint8Array): Uint8Array {
  const hex = Buffer.from(key).toString('hex')
  return new TextEncoder().encode(`/key/swarm/psk/1.0.0/\n/base16/\n${hex}`)
}
