import {
  type GossipSub,
  type GossipSubComponents,
  type GossipsubOpts,
  gossipsub,
  type Message,
  TopicValidatorResult,
} from '@libp2p/gossipsub'
import type { PeerId } from '@libp2p/interface'

import type { Logger } from '../telemetry/index.ts'
import { classifyIp } from './address-class.ts'
import type { HostLimits } from './limits.ts'
import type { NetworkMetrics } from './metrics.ts'
import type { MessageVerdict } from './types.ts'

export type MessageValidator = (
  from: string,
  bytes: Uint8Array,
) => Promise<MessageVerdict> | MessageVerdict
export type MessageHandler = (from: string, bytes: Uint8Array) => void

/** What a peer is worth to this node beyond its behaviour: 0 for a stranger, 1 for a known station. */
export type AppSpecificScore = (peerId: string) => number

/** The library's service with every option set on purpose. */
export function createGossipsub(
  limits: HostLimits,
  appSpecificScore: AppSpecificScore,
  isExempt: (ip: string) => boolean = () => false,
): (components: GossipSubComponents) => GossipSub {
  return gossipsub(gossipsubOptions(limits, appSpecificScore, isExempt))
}

export function gossipsubOptions(
  { gossip, gossipScore }: HostLimits,
  appSpecificScore: AppSpecificScore,
  isExempt: (ip: string) => boolean = () => false,
): Partial<GossipsubOpts> {
  return {
    ...gossip,
    // Floodsub sends every message to everybody.
    fallbackToFloodsub: false,
    // A station that is alone writes to its registry all the same.
    allowPublishToZeroTopicPeers: true,
    // One message at a time of one peer: more than a little waits at its sender, see `GossipBacklog`.
    awaitRpcHandler: true,
    awaitRpcMessageHandler: true,
    floodPublish: true,
    emitSelf: false,
    // Who refuses each message that it is sent answers the floods of others with as many RPCs to its neighbours,
    // before it is known what they are worth; nor is kept what others refuse, an ID each, of every peer. Can go when
    // @libp2p/gossipsub (17.1) refuses what it has accepted, and bounds what it keeps.
    idontwantMinDataSize: Number.MAX_SAFE_INTEGER,
    idontwantMaxMessages: 0,
    globalSignaturePolicy: 'StrictSign',
    // Peer exchange is a protocol of its own, and nobody dials whom a pruned peer is told of.
    doPX: false,
    msgIdToStrFn: messageIdToString,
    // Relayed connections carry few bytes.
    runOnLimitedConnection: false,
    scoreParams: {
      // Topics are not scored: by the defaults of @libp2p/gossipsub 17.1 a quiet honest peer loses for delivering
      // little. Can go when they leave quiet ones alone.
      topics: {},
      appSpecificScore,
      IPColocationFactorWeight: gossipScore.ipColocationWeight,
      IPColocationFactorThreshold: gossipScore.ipColocationThreshold,
      IPColocationFactorWhitelist: new SharedIps(isExempt),
      retainScore: gossipScore.retainScore,
      behaviourPenaltyThreshold: gossipScore.behaviourPenaltyThreshold,
    },
    // No score is enough for others to choose our peers: gossip would dial them past the dialer.
    scoreThresholds: {
      gossipThreshold: -10,
      publishThreshold: -50,
      graylistThreshold: -80,
      acceptPXThreshold: Number.POSITIVE_INFINITY,
    },
  }
}

/**
 * The key of a message ID in gossip's maps: base64. The library's own (17.1) goes through each ID byte by byte in
 * JavaScript: 9 us for one of ours against less than 1, and peers may send five thousand at once. Can go when the
 * library converts them in one go.
 */
export function messageIdToString({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}

/**
 * Addresses that stand for many peers: every one that is not the internet's, as a LAN's gateway is, and those
 * of which the operator says so.
 */
class SharedIps extends Set<string> {
  readonly #isExempt: (ip: string) => boolean

  constructor(isExempt: (ip: string) => boolean) {
    super()
    this.#isExempt = isExempt
  }

  override has(ip: string): boolean {
    return classifyIp(ip) !== 'public' || this.#isExempt(ip)
  }
}

const VERDICTS: Record<MessageVerdict, TopicValidatorResult> = {
  accept: TopicValidatorResult.Accept,
  reject: TopicValidatorResult.Reject,
  ignore: TopicValidatorResult.Ignore,
}

export interface GossipComponents {
  readonly metrics: Pick<NetworkMetrics, 'gossipMessage'>
  readonly logger: Logger
}

interface Topic {
  readonly validator: MessageValidator
  readonly handler: MessageHandler
}

/**
 * Topics of this node. Every message passes its topic's validator before it is handled or forwarded;
 * `from` is always the connected peer that handed it over, not its author.
 */
export class Gossip {
  readonly #service: GossipSub
  readonly #components: GossipComponents
  readonly #topics = new Map<string, Topic>()
  readonly #subscriberListeners = new Map<string, Set<(peerId: string) => void>>()

  constructor(service: GossipSub, components: GossipComponents) {
    this.#service = service
    this.#components = components
    service.addEventListener('gossipsub:message', ({ detail }) => {
      const { topic, data } = detail.msg
      const handler = this.#topics.get(topic)?.handler
      this.#call(topic, () => handler?.(detail.propagationSource.toString(), data))
    })
    service.addEventListener('subscription-change', ({ detail }) => {
      for (const { topic, subscribe } of detail.subscriptions) {
        if (subscribe) this.#tellSubscribed(topic, detail.peerId.toString())
      }
    })
  }

  isSubscribed(topic: string): boolean {
    return this.#topics.has(topic)
  }

  /** Joins a topic, or replaces its validator and handler. The host must have started. */
  subscribe(topic: string, validator: MessageValidator, handler: MessageHandler): void {
    this.#topics.set(topic, { validator, handler })
    this.#service.topicValidators.set(topic, (from, message) => this.#judge(from, message))
    this.#service.subscribe(topic)
  }

  /** Leaves a topic; safe for one never joined and after the host stopped. */
  unsubscribe(topic: string): void {
    if (!this.#topics.delete(topic)) return
    this.#service.topicValidators.delete(topic)
    // A stopped service has left every topic.
    if (this.#service.getTopics().includes(topic)) this.#service.unsubscribe(topic)
  }

  /** @returns how many peers it was sent to; 0 is no error. */
  async publish(topic: string, bytes: Uint8Array): Promise<number> {
    const { recipients } = await this.#service.publish(topic, bytes)
    return recipients.length
  }

  /** Connected peers that are subscribed to the topic. */
  subscribers(topic: string): string[] {
    return this.#service.getSubscribers(topic).map(String)
  }

  /** Calls back when a peer subscribes to the topic. Returns the unsubscriber. */
  onSubscriber(topic: string, listener: (peerId: string) => void): () => void {
    const listeners = this.#subscriberListeners.get(topic) ?? new Set()
    this.#subscriberListeners.set(topic, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#subscriberListeners.delete(topic)
    }
  }

  async #judge(from: PeerId, message: Message): Promise<TopicValidatorResult> {
    const verdict = await this.#verdict(from.toString(), message)
    this.#components.metrics.gossipMessage(verdict)
    return VERDICTS[verdict]
  }

  async #verdict(from: string, { topic, data }: Message): Promise<MessageVerdict> {
    try {
      return (await this.#topics.get(topic)?.validator(from, data)) ?? 'ignore'
    } catch {
      // A validator that fails says nothing about the peer.
      return 'ignore'
    }
  }

  #tellSubscribed(topic: string, peerId: string): void {
    for (const listener of [...(this.#subscriberListeners.get(topic) ?? [])]) {
      this.#call(topic, () => listener(peerId))
    }
  }

  /** What a remote's message makes a listener throw would end the process: these are event listeners. */
  #call(topic: string, listener: () => void): void {
    try {
      listener()
    } catch (error) {
      this.#components.logger.error({ topic, error }, 'Gossip listener failed')
    }
  }
}
