import type { MessageVerdict, RegistryTransport } from '../../src/network/types.ts'

type Validator = (from: string, bytes: Uint8Array) => Promise<MessageVerdict> | MessageVerdict
type Handler = (from: string, bytes: Uint8Array) => void

export interface GossipOnly {
  readonly transport: RegistryTransport
  /** Tells the registry, as a peer's gossip would. @returns whether it was accepted. */
  deliver(topic: string, from: string, bytes: Uint8Array): Promise<boolean>
  /** A peer connects or goes. */
  setConnected(peerId: string, isConnected: boolean): void
}

/** A transport whose peers only gossip: what they say is called in, what the registry says is called out. */
export function createGossipOnly(
  peerId: string,
  onPublished: (topic: string, bytes: Uint8Array) => void,
): GossipOnly {
  const topics = new Map<string, { readonly validator: Validator; readonly handler: Handler }>()
  const connected = new Set<string>()
  const peerListeners = new Set<(peerId: string, isConnected: boolean) => void>()
  return {
    transport: {
      peerId,
      handle: async () => {},
      unhandle: async () => {},
      open: async () => {
        throw new Error('peers only gossip')
      },
      subscribe: (topic, validator, handler) => topics.set(topic, { validator, handler }),
      unsubscribe: (topic) => topics.delete(topic),
      publish: async (topic, bytes) => {
        onPublished(topic, bytes)
        return connected.size
      },
      subscribers: () => [],
      isKnown: () => false,
      connectedPeers: () => [...connected],
      report: () => {},
      penaltyOf: () => 0,
      sourceOf: (id) => id,
      onSubscriber: () => () => {},
      onPeer: (listener) => {
        peerListeners.add(listener)
        return () => peerListeners.delete(listener)
      },
    },
    deliver: async (topic, from, bytes) => {
      const subscription = topics.get(topic)
      if ((await subscription?.validator(from, bytes)) !== 'accept') return false
      subscription?.handler(from, bytes)
      return true
    },
    setConnected: (other, isConnected) => {
      if (isConnected) connected.add(other)
      else connected.delete(other)
      for (const listener of peerListeners) listener(other, isConnected)
    },
  }
}
