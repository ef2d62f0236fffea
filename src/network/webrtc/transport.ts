import { webRTCDirect } from '@libp2p/webrtc'

import { type ListenFailures, withPreparedListeners } from '../guards/listeners.ts'
import type { SharedConduct } from '../guards/yamux-conduct.ts'
import { ChannelGuard, type CutReason } from './channel-guard.ts'
import { guardWebRtcListener } from './guard.ts'
import { InboundGate, WEBRTC_LIMITS } from './inbound-gate.ts'
import { keptCertificate } from './kept-certificate.ts'
import type { ChannelLimits } from './limits.ts'
import type { WebRtcMetrics } from './metrics.ts'
import { withGuardedMuxer } from './muxer-guard.ts'

export interface WebRtcTransportOptions {
  /** Where the certificate is kept; null keeps it in memory. */
  readonly certificatePath: string | null
  readonly listenFailures: ListenFailures
  readonly metrics: WebRtcMetrics
  readonly limits: ChannelLimits
  readonly conduct: SharedConduct
  readonly onCut: (reason: CutReason) => void
}

/**
 * A way in for browsers that know this node's address and no name: WebRTC-direct. This file loads a native
 * library, so it is imported where the feature is on, and nowhere else. It is no way out: stations dial TCP.
 * @throws system errors of writing the certificate's file
 */
export async function webRtcTransport(options: WebRtcTransportOptions) {
  const { certificatePath, listenFailures, metrics, limits, conduct, onCut } = options
  const certificate = await keptCertificate(certificatePath, Date.now())
  const gate = new InboundGate(WEBRTC_LIMITS)
  const guards = new WeakMap<object, ChannelGuard>()
  const guarded = withGuardedMuxer(
    webRTCDirect({
      // None, or the library asks those of others.
      rtcConfiguration: { iceServers: [] },
      certificate,
      // Handed on to each stream, which knows more of them than their type says.
      dataChannel: limits.channel,
    }),
    limits,
    conduct,
    (peerConnection) => guards.get(peerConnection),
  )
  const factory = withPreparedListeners(guarded, (listener) => {
    listenFailures.watch(listener)
    guardWebRtcListener(listener, gate, metrics, (peerConnection) => {
      const guard = new ChannelGuard(peerConnection, limits, onCut)
      guard.attach()
      guards.set(peerConnection, guard)
    })
  })
  return (components: Parameters<typeof factory>[0]) => {
    const transport = factory(components)
    transport.dialFilter = () => []
    return transport
  }
}
