import type { Metrics } from '../../telemetry/index.ts'
import type { DialBackResult, ReachabilityState } from './types.ts'

const STATES: readonly ReachabilityState[] = ['public', 'private', 'unknown']

export interface ReachabilityMetrics {
  /** We asked a peer to dial us. */
  asked(result: DialBackResult): void
  /** A peer asked us to dial it. */
  dialedBack(outcome: 'reached' | 'unreached' | 'refused' | 'limited'): void
}

export function createReachabilityMetrics(
  metrics: Metrics,
  state: () => ReachabilityState,
): ReachabilityMetrics {
  const asked = metrics.counter({
    name: 'wesense_autonat_asked_total',
    help: 'Peers asked to dial this node, by what came of it',
    labels: ['result'],
  })
  const dialed = metrics.counter({
    name: 'wesense_autonat_dial_backs_total',
    help: 'Requests of peers to be dialled, by outcome',
    labels: ['outcome'],
  })
  metrics.gauge({
    name: 'wesense_reachability',
    help: 'Whether others can connect to this node: 1 at the state that holds',
    labels: ['state'],
    collect: (gauge) => {
      for (const one of STATES) gauge.set({ state: one }, one === state() ? 1 : 0)
    },
  })
  return {
    asked: (result) => asked.inc({ result }),
    dialedBack: (outcome) => dialed.inc({ outcome }),
  }
}
