import type { Metrics } from '../../telemetry/index.ts'

/** What became of somebody who knocked. */
export type WebRtcOutcome = 'tried' | 'connection-cap' | 'pending-cap' | 'host-cap' | 'rate'

export interface WebRtcMetrics {
  inbound(outcome: WebRtcOutcome): void
}

export function createWebRtcMetrics(metrics: Metrics): WebRtcMetrics {
  const inbound = metrics.counter({
    name: 'wesense_webrtc_inbound_total',
    help: 'Strangers at the WebRTC-direct port, by what became of them',
    labels: ['outcome'],
  })
  return { inbound: (outcome) => inbound.inc({ outcome }) }
}
