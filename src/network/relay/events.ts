import { type Clock, systemClock } from '../../lib/clock.ts'
import type { Logger, Metrics } from '../../telemetry/index.ts'
import { RelayAudit } from './audit.ts'
import { createRelayGauges, createRelayMetrics, type RelayMetrics } from './metrics.ts'
import { RelayTally } from './tally.ts'
import type { CircuitStatus, RelayClient, RelayEvents, RelayStatus, RelayTotals } from './types.ts'

/** Ends that were not the peers' own doing and that an operator wants to see one by one. */
const CUTS = new Set(['policy', 'quota'])

export interface RelayJournalComponents {
  readonly metrics: Metrics
  readonly logger: Logger
  /** Read at each scrape; not before the hop is made. */
  readonly status: () => RelayStatus
  /** @default systemClock */
  readonly clock?: Pick<Clock, 'now'>
}

/** Where everything that happens on the relay is counted and told. */
export interface RelayJournal {
  readonly events: RelayEvents
  /** For the policy, which counts its own. */
  readonly metrics: RelayMetrics
  totals(): RelayTotals
}

/** The one place of counters, log lines and audit lines of the relay. */
export function createRelayJournal(components: RelayJournalComponents): RelayJournal {
  const { logger, clock = systemClock } = components
  const tally = new RelayTally()
  // The order is createRelayGauges' wish.
  createRelayGauges(components.metrics, () => {
    const status = components.status()
    const { toDestination, toSource } = tally.takeNew(status.circuits)
    metrics.carried('to_destination', toDestination)
    metrics.carried('to_source', toSource)
    return status
  })
  const metrics = createRelayMetrics(components.metrics)
  const audit = new RelayAudit({ logger, clock, onSuppressed: () => metrics.auditSuppressed() })
  return {
    events: new JournalEvents(logger, { metrics, audit, tally, clock }),
    metrics,
    totals: () => tally.totals(components.status().circuits),
  }
}

interface JournalParts {
  readonly clock: Pick<Clock, 'now'>
  readonly metrics: RelayMetrics
  readonly audit: RelayAudit
  readonly tally: RelayTally
}

class JournalEvents implements RelayEvents {
  readonly #logger: Logger
  readonly #parts: JournalParts
  /** The last month, such as `2026-11`, of which was told that its quota is used up. */
  #toldMonth = ''

  constructor(logger: Logger, parts: JournalParts) {
    this.#logger = logger
    this.#parts = parts
  }

  readonly reserved: RelayEvents['reserved'] = (client, isRefresh) => {
    this.#parts.metrics.reserved(isRefresh)
    const fields = reservedFields(client)
    if (isRefresh) this.#logger.debug(fields, 'Relay reservation refreshed')
    else this.#parts.audit.placed(client, fields)
  }

  readonly reservationRefused: RelayEvents['reservationRefused'] = (client, reason) => {
    const { metrics, audit, tally } = this.#parts
    metrics.refused('reserve', reason)
    tally.refused(reason)
    audit.refused(client, 'reserve', reason, null)
    if (reason === 'quota') this.#tellQuota()
  }

  readonly reservationEnded: RelayEvents['reservationEnded'] = (client, reason) => {
    const { metrics, audit } = this.#parts
    metrics.reservationEnded(reason)
    if (CUTS.has(reason)) audit.cut(client, 'reservation', reason)
    else audit.placeEnded(client, { ...reservedFields(client), reason })
  }

  readonly circuitOpened: RelayEvents['circuitOpened'] = (source, destination) => {
    const fields = { host: source.host, peer: source.peerId, destination: destination.peerId }
    this.#parts.metrics.circuitOpened()
    this.#logger.debug(fields, 'Relay circuit opened')
  }

  readonly circuitRefused: RelayEvents['circuitRefused'] = (source, destination, reason) => {
    const { metrics, audit, tally } = this.#parts
    metrics.refused('connect', reason)
    tally.refused(reason)
    audit.refused(source, 'connect', reason, destination)
    if (reason === 'quota') this.#tellQuota()
  }

  readonly circuitEnded: RelayEvents['circuitEnded'] = (circuit, reason) => {
    const { metrics, audit, tally } = this.#parts
    metrics.circuitEnded(reason)
    tally.circuitEnded(circuit, reason)
    if (CUTS.has(reason)) audit.cut(circuit.source, 'circuit', reason)
    else this.#logger.debug(fieldsOf(circuit, reason), 'Relay circuit ended')
    if (reason === 'quota') this.#tellQuota()
  }

  readonly bucketWaited: RelayEvents['bucketWaited'] = (bucket, ms) => {
    this.#parts.metrics.bucketWaited(bucket, ms / 1000)
  }

  #tellQuota(): void {
    const month = new Date(this.#parts.clock.now()).toISOString().slice(0, 7)
    if (month === this.#toldMonth) return
    this.#toldMonth = month
    this.#logger.warn({ month }, 'Relay quota is used up: nothing is relayed until the next month')
  }
}

function reservedFields({ host, peerId: peer, class: ofClass }: RelayClient) {
  return { host, peer, ...(ofClass === undefined ? {} : { class: ofClass }) }
}

function fieldsOf(circuit: CircuitStatus, reason: string) {
  const { source, destination, bytesToDestination, bytesToSource } = circuit
  return {
    host: source.host,
    peer: source.peerId,
    destination: destination.peerId,
    reason,
    bytesToDestination,
    bytesToSource,
  }
}
