import { isFunction, isMap, isObject, libraryMember } from '../errors.ts'

export interface GossipBatchLimits {
  /** Bytes of messages in one RPC. */
  readonly bytes: number
  /** Messages in one RPC. */
  readonly messages: number
  /** IDs of messages in one list. */
  readonly idsInList: number
  /** IDs of messages that a peer is told at a heartbeat, of all topics. */
  readonly idsTold: number
  /** Messages that a peer is asked for from heartbeat to heartbeat. */
  readonly idsAsked: number
  /** Unsent bytes for a peer with which it is sent nothing more that it asks for. */
  readonly unsentBytes: number
}

interface GossipMessage {
  readonly data?: Uint8Array
  readonly topic: string
}

interface MessageIds {
  readonly topicID?: string
  readonly messageIDs: readonly Uint8Array[]
}

/** A message's author, number, signature and key, with room to spare. */
const ENVELOPE_BYTES = 512

/**
 * Keeps what gossip sends at once within what every station reads. @libp2p/gossipsub 17.1 answers whoever asks
 * for many messages in one RPC, however long, which the other side drops with the stream that it came on, or
 * which is more than may wait for it here; it tells and asks for up to 5 000 IDs at once. What there is no room
 * for, the peer hears of again at the next heartbeat, and of the rest by an exchange of heads. Can go when the
 * library has bounds for what it sends.
 * @param gossip the service that `@libp2p/gossipsub` made
 */
export function guardGossipBatches(gossip: object, limits: GossipBatchLimits): void {
  sendInParts(gossip, limits)
  askForFew(gossip, limits.idsAsked)
  tellFew(gossip, limits)
}

/** Sends what a peer asked for, but for the last part, which the library sends itself. */
function sendInParts(gossip: object, limits: GossipBatchLimits): void {
  const find = libraryMember(gossip, 'handleIWant', isFunction)
  const send = libraryMember(gossip, 'sendRpc', isFunction)
  const outbound = libraryMember(gossip, 'streamsOutbound', isMap)
  Reflect.set(gossip, 'handleIWant', (...args: [string, unknown]): GossipMessage[] => {
    const [id] = args
    const wanted: GossipMessage[] = Reflect.apply(find, gossip, args)
    let part: GossipMessage[] = []
    let bytes = 0
    for (const message of wanted) {
      const length = lengthOf(message)
      if (part.length === limits.messages || (part.length > 0 && bytes + length > limits.bytes)) {
        Reflect.apply(send, gossip, [id, { subscriptions: [], messages: part }])
        part = []
        bytes = 0
      }
      if (unsentBytes(outbound.get(id)) + bytes + length > limits.unsentBytes) break
      part.push(message)
      bytes += length
    }
    return part
  })
}

/** Asks a peer for no more at a heartbeat than it may send us then. */
function askForFew(gossip: object, idsAsked: number): void {
  const listen = libraryMember(gossip, 'handleIHave', isFunction)
  const asked = libraryMember(gossip, 'iasked', isMap)
  Reflect.set(gossip, 'handleIHave', (...args: [string, unknown]): MessageIds[] => {
    const before = asked.get(args[0])
    const left = idsAsked - (typeof before === 'number' ? before : 0)
    if (left <= 0) return []
    const lists: MessageIds[] = Reflect.apply(listen, gossip, args)
    return lists.map(({ messageIDs }) => ({ messageIDs: messageIDs.slice(0, left) }))
  })
}

/** Tells a peer of no more messages at a heartbeat than fit into an RPC beside others. */
function tellFew(gossip: object, { idsInList, idsTold }: GossipBatchLimits): void {
  const tell = libraryMember(gossip, 'pushGossip', isFunction)
  const waiting = libraryMember(gossip, 'gossip', isMap)
  Reflect.set(gossip, 'pushGossip', (id: string, { topicID, messageIDs }: MessageIds): void => {
    const lists = waiting.get(id)
    const told: number = Array.isArray(lists)
      ? lists.reduce((sum: number, list: MessageIds) => sum + list.messageIDs.length, 0)
      : 0
    // The library has shuffled them: other peers are told of others.
    const few = messageIDs.slice(0, Math.max(0, Math.min(idsInList, idsTold - told)))
    if (few.length > 0) Reflect.apply(tell, gossip, [id, { topicID, messageIDs: few }])
  })
}

function lengthOf({ data, topic }: GossipMessage): number {
  return (data?.byteLength ?? 0) + Buffer.byteLength(topic) + ENVELOPE_BYTES
}

function unsentBytes(stream: unknown): number {
  const raw: unknown = isObject(stream) ? Reflect.get(stream, 'rawStream') : undefined
  const length: unknown = isObject(raw) ? Reflect.get(raw, 'writeBufferLength') : undefined
  return typeof length === 'number' ? length : 0
}
