import { webRTCDirect } from '@libp2p/webrtc'

import { type ListenFailures, withPreparedListeners } from '../guards/listeners.ts'
import type { MuxerLimits } from '../guards/yamux-limits.ts'
import { ChannelGuard, type CutReason } from './channel-guard.ts'
import { guardWebRtcListener } from './guard.ts'
import { InboundGate, WEBRTC_LIMITS } from './inbound-gate.ts'
import { keptCertificate } from './kept-certificate.ts'
import type { WebRtcMetrics } from './metrics.ts'

export interface WebRtcTransportOptions {
  /** Where the certificate is kept; null keeps it in memory. */
  readonly certificatePath: string | null
  readonly listenFailures: ListenFailures
  readonly metrics: WebRtcMetrics
  readonly limits: MuxerLimits
  readonly onCut: (reason: CutReason) => void
}

/**
 * A way in for browsers that know this node's address and no name: WebRTC-direct. This file loads a native
 * library, so it is imported where the feature is on, and nowhere else. It is no way out: stations dial TCP.
 * @throws system errors of writing the certificate's file
 */
export async function webRtcTransport(options: WebRtcTransportOptions) {
  const { certificatePath, listenFailures, metrics, limits, onCut } = options
  const certificate = await keptCertificate(certificatePath, Date.now())
  const gate = new InboundGate(WEBRTC_LIMITS)
  const factory = withPreparedListeners(
    webRTCDirect({
      // None, or the library asks those of others.
      rtcConfiguration: { iceServers: [] },
      certificate,
    }),
    (listener) => {
      listenFailures.watch(listener)
      guardWebRtcListener(listener, gate, metrics, (peerConnection) =>
        new ChannelGuard(peerConnection, limits, onCut).attach(),
      )
    },
  )
  return (components: Parameters<typeof factory>[0]) => {
    const transport = factory(components)
    transport.dialFilter = () => []
    return transport
  }
}
