import { isFunction, isMap, isObject, libraryMember } from '../errors.ts'

/**
 * Bounds the messages that gossip remembers. @libp2p/gossipsub 17.1 keeps every ID for `seenTTL`, and what
 * became of the message beside it, however many there are. The oldest go first: a message that comes again
 * after that is judged again, and known to whom it is for. Can go when the library has a bound for both.
 * @param gossip the service that `@libp2p/gossipsub` made
 */
export function guardGossipMemory(gossip: object, maxMessages: number): void {
  const seen = libraryMember(gossip, 'seenCache', isObject)
  const entries = libraryMember(seen, 'entries', isMap)
  const put = libraryMember(seen, 'put', isFunction)
  Reflect.set(seen, 'put', (...args: unknown[]): unknown => {
    const result: unknown = Reflect.apply(put, seen, args)
    dropOldest(entries, maxMessages)
    return result
  })
  const score = libraryMember(gossip, 'score', isObject)
  const deliveries = libraryMember(score, 'deliveryRecords', isObject)
  const records = libraryMember(deliveries, 'records', isMap)
  const ensureRecord = libraryMember(deliveries, 'ensureRecord', isFunction)
  const queue = libraryMember(deliveries, 'queue', isQueue)
  Reflect.set(deliveries, 'ensureRecord', (...args: unknown[]): unknown => {
    const record: unknown = Reflect.apply(ensureRecord, deliveries, args)
    dropOldest(records, maxMessages)
    while (queue.length > maxMessages) queue.shift()
    return record
  })
}

function dropOldest(map: Map<unknown, unknown>, limit: number): void {
  for (const key of map.keys()) {
    if (map.size <= limit) return
    map.delete(key)
  }
}

function isQueue(value: unknown): value is { readonly length: number; shift(): unknown } {
  return isObject(value) && 'length' in value && 'shift' in value
}
