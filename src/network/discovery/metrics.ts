import type { Metrics } from '../../telemetry/index.ts'
import type { DialOutcome } from '../dialer/outcome.ts'
import type { CandidateSource, SeedState } from '../types.ts'

export type ExchangeOutcome = 'ok' | 'limited' | 'unsupported' | 'malformed' | 'failed'
export type PartingOutcome = 'agreed' | 'declined' | 'failed'
export type PeerRecordVerdict = 'accepted' | 'stale' | 'invalid' | 'denied' | 'own'

/** What discovery and the dialer count. One function per event, none takes a peer ID as a label. */
export interface DiscoveryMetrics {
  dialed(outcome: DialOutcome, source: CandidateSource): void
  proposed(source: CandidateSource, isAccepted: boolean): void
  exchanged(role: 'asked' | 'served', outcome: ExchangeOutcome): void
  recordReceived(verdict: PeerRecordVerdict): void
  parted(role: 'asked' | 'answered', outcome: PartingOutcome): void
}

export interface DiscoveryReadings {
  readonly candidates: () => number
  readonly dialsInProgress: () => number
  readonly knownStations: () => number
  readonly addressBookPeers: () => number
  readonly seedStates: () => readonly SeedState[]
}

const SEED_STATES: readonly SeedState[] = ['connected', 'waiting', 'refused', 'self']

export function createDiscoveryMetrics(
  metrics: Metrics,
  readings: DiscoveryReadings,
): DiscoveryMetrics {
  registerGauges(metrics, readings)
  const dials = metrics.counter({
    name: 'wesense_dials_total',
    help: 'Dials by how they ended and by the source that proposed the address',
    labels: ['outcome', 'source'],
  })
  const candidates = metrics.counter({
    name: 'wesense_candidates_proposed_total',
    help: 'Candidates proposed by a source; rejected ones had no address that may be dialled',
    labels: ['source', 'result'],
  })
  const exchanges = metrics.counter({
    name: 'wesense_peer_exchanges_total',
    help: 'Peer exchanges asked of others and served to others, by outcome',
    labels: ['role', 'outcome'],
  })
  const records = metrics.counter({
    name: 'wesense_peer_records_received_total',
    help: 'Signed peer records received by peer exchange, by what became of them',
    labels: ['verdict'],
  })
  const partings = metrics.counter({
    name: 'wesense_partings_total',
    help: 'Connections beyond the target: peers asked to part and questions answered, by outcome',
    labels: ['role', 'outcome'],
  })
  return {
    dialed: (outcome, source) => dials.inc({ outcome, source }),
    proposed: (source, isAccepted) =>
      candidates.inc({ source, result: isAccepted ? 'accepted' : 'rejected' }),
    exchanged: (role, outcome) => exchanges.inc({ role, outcome }),
    recordReceived: (verdict) => records.inc({ verdict }),
    parted: (role, outcome) => partings.inc({ role, outcome }),
  }
}

function registerGauges(metrics: Metrics, readings: DiscoveryReadings): void {
  const single: readonly [string, string, () => number][] = [
    ['wesense_dial_candidates', 'Candidates held for dialling', readings.candidates],
    ['wesense_dials_in_progress', 'Dials under way now', readings.dialsInProgress],
    ['wesense_known_stations', 'Stations known as live', readings.knownStations],
    ['wesense_address_book_peers', 'Peers kept in the address book', readings.addressBookPeers],
  ]
  for (const [name, help, read] of single) {
    metrics.gauge({ name, help, collect: (gauge) => gauge.set(read()) })
  }
  metrics.gauge({
    name: 'wesense_seeds',
    help: 'Configured seeds by state',
    labels: ['state'],
    collect: (gauge) => {
      const states = readings.seedStates()
      for (const state of SEED_STATES) {
        gauge.set({ state }, states.filter((one) => one === state).length)
      }
    },
  })
}
