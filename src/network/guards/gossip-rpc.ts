import type { PeerId } from '@libp2p/interface'

import { isFunction, libraryMember } from '../errors.ts'

/** What the guard looks at in a gossip RPC. */
interface GossipRpc {
  messages?: { readonly topic?: string }[]
}

/**
 * Drops messages of topics nobody here subscribed to, before they cost a signature check or memory.
 * gossipsub's own `allowedTopics` would do so too, but it also forgets the subscriptions of peers that
 * were faster to join a topic than we are, for as long as they stay connected (17.1).
 * @param gossip the service that `@libp2p/gossipsub` made
 */
export function guardGossipRpc(
  gossip: { getTopics(): string[] },
  isSubscribed: (topic: string) => boolean,
  onDropped: () => void,
): void {
  const handle = libraryMember(gossip, 'handleReceivedRpc', isFunction)
  Reflect.set(gossip, 'handleReceivedRpc', (from: PeerId, rpc: GossipRpc): unknown => {
    rpc.messages = (rpc.messages ?? []).filter(({ topic }) => {
      const isWanted = topic !== undefined && isSubscribed(topic)
      if (!isWanted) onDropped()
      return isWanted
    })
    return Reflect.apply(handle, gossip, [from, rpc])
  })
}
