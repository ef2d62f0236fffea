import type { Metrics } from '../../telemetry/index.ts'
import type { EndReason } from './child-process.ts'

/** What became of somebody who knocked. */
export const WEBRTC_OUTCOMES = [
  'tried',
  'connection-cap',
  'pending-cap',
  'host-cap',
  'rate',
] as const
export type WebRtcOutcome = (typeof WEBRTC_OUTCOMES)[number]

/** How many knocked since this was told last. */
export type Knocks = Partial<Record<WebRtcOutcome, number>>

/** In the child, which tells the node once a second. */
export interface KnockMetrics {
  inbound(outcome: WebRtcOutcome): void
}

export interface WebRtcMetrics {
  knocked(knocks: Knocks): void
  /** The process that speaks WebRTC ended, and is started again. */
  restarted(reason: EndReason): void
  /** What it takes, bytes; 0 while there is none. */
  memory(rssBytes: number): void
}

export function createWebRtcMetrics(metrics: Metrics): WebRtcMetrics {
  const inbound = metrics.counter({
    name: 'wesense_webrtc_inbound_total',
    help: 'Strangers at the WebRTC-direct port, by what became of them',
    labels: ['outcome'],
  })
  const restarts = metrics.counter({
    name: 'wesense_webrtc_restarts_total',
    help: 'Times that the process which speaks WebRTC ended and was started again, by why',
    labels: ['reason'],
  })
  const memory = metrics.gauge({
    name: 'wesense_webrtc_memory_bytes',
    help: 'Resident memory of the process that speaks WebRTC',
  })
  return {
    knocked: (knocks) => {
      for (const [outcome, count] of Object.entries(knocks)) inbound.inc({ outcome }, count)
    },
    restarted: (reason) => restarts.inc({ reason }),
    memory: (rssBytes) => memory.set(rssBytes),
  }
}
