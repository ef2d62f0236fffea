import type { Libp2p, PeerId } from '@libp2p/interface'

import { RegistryError } from '../errors.ts'

interface PeerMap {
  set(peerId: PeerId, value: unknown): unknown
  delete(peerId: PeerId): boolean
}

interface Message {
  readonly wantlist?: { readonly entries: { cid: Uint8Array }[] }
}

/**
 * Bounds what @helia/bitswap 4.0 remembers of peers, of a broker that has started. A want would hold the whole message
 * that it came in, for as long as we lack its block. And who takes bitswap off its list of protocols and goes on with
 * it, or leaves while it is told what we want, would be remembered for ever: now there are at most as many as are
 * connected. Can go when the library copies CIDs and forgets peers as they disconnect.
 * @returns what ends it
 * @throws RegistryError LIBRARY_CHANGED
 */
export function boundLedgers(helia: object, libp2p: Libp2p): () => void {
  const bitswap = member(brokerOf(helia), 'bitswap', isObject)
  keepNoMessages(member(bitswap, 'network', isObject))
  const maps = [
    member(member(bitswap, 'peerWantLists', isObject), 'ledgerMap', isPeerMap),
    member(member(bitswap, 'wantList', isObject), 'peers', isPeerMap),
  ]
  for (const map of maps) {
    const set = map.set.bind(map)
    map.set = (peerId, value) =>
      libp2p.getConnections(peerId).length === 0 ? map : set(peerId, value)
  }
  const onDisconnect = ({ detail }: CustomEvent<PeerId>) => {
    for (const map of maps) map.delete(detail)
  }
  libp2p.addEventListener('peer:disconnect', onDisconnect)
  return () => libp2p.removeEventListener('peer:disconnect', onDisconnect)
}

/** The CIDs of wants are views of the message that was decoded; who gets the message gets copies. */
function keepNoMessages(network: object): void {
  const dispatch = member(network, 'safeDispatchEvent', isFunction)
  Reflect.set(
    network,
    'safeDispatchEvent',
    (type: string, event: { detail: { message?: Message } }): unknown => {
      const entries = type === 'bitswap:message' ? event.detail.message?.wantlist?.entries : []
      for (const entry of entries ?? []) entry.cid = Uint8Array.from(entry.cid)
      return Reflect.apply(dispatch, network, [type, event])
    },
  )
}

function brokerOf(helia: object): object {
  const brokers = member(helia, 'blockBrokers', Array.isArray)
  const broker: unknown = brokers.find(
    (one) => isObject(one) && Reflect.get(one, 'name') === 'bitswap',
  )
  if (isObject(broker)) return broker
  throw libraryChanged('Helia has no bitswap among its block brokers')
}

/** A hook that did nothing would leave a hole open, so a release that moved the member stops the start. */
function member<T>(owner: object, name: string, isExpected: (value: unknown) => value is T): T {
  const value: unknown = Reflect.get(owner, name)
  if (isExpected(value)) return value
  throw libraryChanged(`${owner.constructor.name} of @helia/bitswap has no usable "${name}"`)
}

function libraryChanged(message: string): RegistryError {
  return new RegistryError('LIBRARY_CHANGED', message)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

// biome-ignore lint/complexity/noBannedTypes: the shape of an untyped library member is all that is known
function isFunction(value: unknown): value is Function {
  return typeof value === 'function'
}

function isPeerMap(value: unknown): value is PeerMap {
  return isObject(value) && ['set', 'delete'].every((name) => isFunction(Reflect.get(value, name)))
}
