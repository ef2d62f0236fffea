import type { Listener } from '@libp2p/interface'

import { isFunction, libraryMember } from '../errors.ts'
import type { PeerConnectionLike } from './channel-guard.ts'
import type { InboundGate } from './inbound-gate.ts'
import type { KnockMetrics } from './metrics.ts'

/**
 * @libp2p/webrtc 6.0.33 makes a native peer connection for every name that a STUN request carries, whoever sent
 * it, before anything asks the connection gater; a sender who forges addresses fills the memory. It can go
 * when the library bounds them itself.
 * @param listener a listener of that transport that does not listen yet
 * @param onPeerConnection told of each before it has a channel
 * @throws NetworkError LIBRARY_CHANGED
 */
export function guardWebRtcListener(
  listener: Listener,
  gate: InboundGate,
  metrics: KnockMetrics,
  onPeerConnection: (peerConnection: PeerConnectionLike) => void,
): void {
  const incoming = libraryMember(listener, 'incomingConnection', isFunction)
  const connections = libraryMember(listener, 'connections', isConnections)
  // The one moment between a peer connection and its first channel.
  const enter = connections.set.bind(connections)
  connections.set = (key, peerConnection) => {
    onPeerConnection(peerConnection)
    return enter(key, peerConnection)
  }
  // The library enters it into its map only once it is made. No longer than the places of the gate.
  const begun = new Set<string>()
  const guarded = async (ufrag: string, host: string, port: number, signal: AbortSignal) => {
    // Further packets of one that is being made, or is there.
    const key = `${host}:${port}:${ufrag}`
    if (connections.has(key) || begun.has(key)) return
    const place = gate.admit(host, connections.size)
    if (typeof place === 'string') {
      metrics.inbound(place)
      return
    }
    metrics.inbound('tried')
    begun.add(key)
    try {
      await incoming.call(listener, ufrag, host, port, signal)
    } finally {
      begun.delete(key)
      place()
    }
  }
  Object.assign(listener, { incomingConnection: guarded })
}

function isConnections(value: unknown): value is Map<string, PeerConnectionLike> {
  return value instanceof Map
}
