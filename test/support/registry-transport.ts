import { PeerPenalties } from '../../src/network/penalties.ts'
import type {
  MessageVerdict,
  PeerStream,
  RegistryTransport,
  StreamHandlerOptions,
} from '../../src/network/types.ts'
import { silentLogger } from '../../src/telemetry/index.ts'

type Validator = (from: string, bytes: Uint8Array) => Promise<MessageVerdict> | MessageVerdict
type GossipHandler = (from: string, bytes: Uint8Array) => void
type StreamHandler = (stream: PeerStream) => Promise<void>

interface Subscription {
  readonly validator: Validator
  readonly handler: GossipHandler
}

class MemoryPeer {
  readonly handlers = new Map<string, { handler: StreamHandler; options: StreamHandlerOptions }>()
  readonly subscriptions = new Map<string, Subscription>()
  readonly subscriberListeners = new Map<string, Set<(peerId: string) => void>>()
  readonly peerListeners = new Set<(peerId: string, isConnected: boolean) => void>()
  readonly connected = new Set<string>()
  readonly seen = new Set<string>()
  readonly peerId: string
  readonly penalties: PeerPenalties

  constructor(peerId: string, shun: (peerId: string) => void) {
    this.peerId = peerId
    this.penalties = new PeerPenalties({
      metrics: { peerShunned: () => {} },
      logger: silentLogger,
      hangUp: shun,
    })
  }
}

export interface MemoryNetwork {
  /** The transport of one peer; joined again it starts afresh. */
  join(peerId: string): RegistryTransport
  connect(a: string, b: string): void
  disconnect(a: string, b: string): void
  /** Loses every gossip message from now on. */
  dropGossip(isDropped: boolean): void
}

/**
 * Registry transports that reach each other in memory: streams with backpressure, and gossip that
 * goes from peer to peer only where a validator accepted it.
 * @param isShunning whether peers part from those who collected too many points, as real ones do.
 */
export function createMemoryNetwork({ isShunning = false } = {}): MemoryNetwork {
  const peers = new Map<string, MemoryPeer>()
  let isGossipDropped = false
  const find = (peerId: string): MemoryPeer => {
    const peer = peers.get(peerId)
    if (peer === undefined) throw new Error(`no peer ${peerId}`)
    return peer
  }
  const announce = (from: MemoryPeer, to: MemoryPeer, topic: string) => {
    for (const listener of to.subscriberListeners.get(topic) ?? []) listener(from.peerId)
  }
  const gossip = async (topic: string, bytes: Uint8Array, from: MemoryPeer): Promise<number> => {
    const id = `${topic} ${Buffer.from(bytes).toString('base64')}`
    from.seen.add(id)
    const targets = [...from.connected].map(find).filter((peer) => peer.subscriptions.has(topic))
    for (const target of targets) {
      if (target.seen.has(id)) continue
      target.seen.add(id)
      queueMicrotask(() => void deliver(topic, bytes, from, target))
    }
    return targets.length
  }
  const deliver = async (topic: string, bytes: Uint8Array, from: MemoryPeer, to: MemoryPeer) => {
    const subscription = to.subscriptions.get(topic)
    if (subscription === undefined || isGossipDropped) return
    if ((await subscription.validator(from.peerId, bytes)) !== 'accept') return
    subscription.handler(from.peerId, bytes)
    await gossip(topic, bytes, to)
  }
  const disconnect = (a: string, b: string) => {
    find(a).connected.delete(b)
    find(b).connected.delete(a)
    for (const listener of find(a).peerListeners) listener(b, false)
    for (const listener of find(b).peerListeners) listener(a, false)
  }

  return {
    join: (peerId) => {
      const self = new MemoryPeer(peerId, (other) => {
        if (isShunning) disconnect(peerId, other)
      })
      peers.set(peerId, self)
      return {
        peerId,
        handle: async (protocol, handler, options) => {
          self.handlers.set(protocol, { handler, options })
        },
        unhandle: async (protocol) => {
          self.handlers.delete(protocol)
        },
        open: async (target, protocol) => {
          if (!self.connected.has(target)) throw new Error('not connected')
          const served = find(target).handlers.get(protocol)
          if (served === undefined) throw new Error('protocol not supported')
          const [ours, theirs] = createStreamPair(peerId, target)
          served.handler(theirs).catch((error) => theirs.abort(error))
          return ours
        },
        subscribe: (topic, validator, handler) => {
          self.subscriptions.set(topic, { validator, handler })
          for (const other of self.connected) announce(self, find(other), topic)
        },
        unsubscribe: (topic) => {
          self.subscriptions.delete(topic)
        },
        publish: (topic, bytes) => gossip(topic, bytes, self),
        subscribers: (topic) =>
          [...self.connected].filter((other) => find(other).subscriptions.has(topic)),
        connectedPeers: () => [...self.connected],
        report: (peer, offence, points) => self.penalties.report(peer, offence, points),
        penaltyOf: (peer) => self.penalties.penaltyOf(peer),
        isKnown: () => false,
        sourceOf: (peer) => peer,
        onSubscriber: (topic, listener) => {
          const listeners = self.subscriberListeners.get(topic) ?? new Set()
          self.subscriberListeners.set(topic, listeners.add(listener))
          return () => listeners.delete(listener)
        },
        onPeer: (listener) => {
          self.peerListeners.add(listener)
          return () => self.peerListeners.delete(listener)
        },
      }
    },
    connect: (a, b) => {
      for (const [one, other] of [
        [find(a), find(b)],
        [find(b), find(a)],
      ] as const) {
        one.connected.add(other.peerId)
        for (const listener of one.peerListeners) listener(other.peerId, true)
        for (const topic of one.subscriptions.keys()) announce(one, other, topic)
      }
    },
    dropGossip: (isDropped) => {
      isGossipDropped = isDropped
    },
    disconnect,
  }
}

const HIGH_WATER_BYTES = 256 * 1024

/** One direction of a stream. */
class Pipe {
  #chunks: Uint8Array[] = []
  #bytes = 0
  #isEnded = false
  #error: Error | null = null
  #wake: () => void = () => {}

  async send(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    while (this.#bytes > HIGH_WATER_BYTES && this.#error === null) {
      signal.throwIfAborted()
      await this.#changed()
    }
    if (this.#error !== null) throw this.#error
    this.#chunks.push(bytes)
    this.#bytes += bytes.length
    this.#notify()
  }

  end(): void {
    this.#isEnded = true
    this.#notify()
  }

  fail(error: Error): void {
    this.#error ??= error
    this.#notify()
  }

  async *read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) {
        this.#bytes -= chunk.length
        this.#notify()
        yield chunk
      } else if (this.#error !== null) throw this.#error
      else if (this.#isEnded) return
      else await this.#changed()
    }
  }

  #waiters: Promise<void> | null = null

  #changed(): Promise<void> {
    this.#waiters ??= new Promise((resolve) => {
      this.#wake = resolve
    })
    return this.#waiters
  }

  #notify(): void {
    this.#waiters = null
    this.#wake()
  }
}

/** Both ends of a stream between two peers: [the opener's, the handler's]. */
export function createStreamPair(opener: string, handler: string): [PeerStream, PeerStream] {
  const there = new Pipe()
  const back = new Pipe()
  const end = (peerId: string, out: Pipe, input: Pipe): PeerStream => ({
    peerId,
    chunks: () => input.read(),
    send: (bytes, signal) => out.send(bytes, signal),
    close: async () => out.end(),
    abort: (reason) => {
      out.fail(reason)
      input.fail(reason)
    },
  })
  return [end(handler, there, back), end(opener, back, there)]
}
