import type { Transport } from '@libp2p/interface'
import { webRTCDirect } from '@libp2p/webrtc'

import { withPreparedListeners } from '../../guards/listeners.ts'
import type { SharedConduct } from '../../guards/yamux-conduct.ts'
import { ChannelGuard, type CutReason } from '../channel-guard.ts'
import { guardWebRtcListener } from '../guard.ts'
import { InboundGate, WEBRTC_LIMITS } from '../inbound-gate.ts'
import type { ChannelLimits } from '../limits.ts'
import type { ChildOptions } from '../messages.ts'
import type { KnockMetrics } from '../metrics.ts'
import { withGuardedMuxer } from '../muxer-guard.ts'

export type NativeComponents = Parameters<ReturnType<typeof webRTCDirect>>[0]

export interface NativeTransportOptions {
  readonly certificate: ChildOptions['certificate']
  readonly metrics: KnockMetrics
  readonly limits: ChannelLimits
  readonly conduct: SharedConduct
  readonly onCut: (reason: CutReason) => void
}

/** The library's transport with what it leaves open bounded. Loads a native library. */
export function nativeTransport(
  options: NativeTransportOptions,
): (components: NativeComponents) => Transport {
  const { certificate, metrics, limits, conduct, onCut } = options
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
  return withPreparedListeners(guarded, (listener) => {
    guardWebRtcListener(listener, gate, metrics, (peerConnection) => {
      const guard = new ChannelGuard(peerConnection, limits, onCut)
      guard.attach()
      guards.set(peerConnection, guard)
    })
  })
}
