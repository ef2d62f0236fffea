import { BoundedMap } from '../../lib/bounded-map.ts'
import type { CircuitStatus, RelayTalker, RelayTotals } from './types.ts'

/** Peers whose bytes are kept; the one that was quiet for longest goes first. */
const TALKERS_LIMIT = 1_024
/** Talkers that are shown. */
const SHOWN_LIMIT = 20

type Counts = Record<string, number>

interface Carried {
  toDestination: number
  toSource: number
}

/** What the relay did since the start: for this node's operator alone, never told to a peer. */
export class RelayTally {
  readonly #talkers = new BoundedMap<string, RelayTalker>({ limit: TALKERS_LIMIT })
  readonly #refusals: Counts = {}
  readonly #cuts: Counts = {}
  /** Of circuits that have ended. */
  readonly #ended: Carried = { toDestination: 0, toSource: 0 }
  /** What `takeNew` gave out. */
  readonly #given: Carried = { toDestination: 0, toSource: 0 }

  refused(reason: string): void {
    this.#refusals[reason] = (this.#refusals[reason] ?? 0) + 1
  }

  circuitEnded(circuit: CircuitStatus, reason: string): void {
    this.#cuts[reason] = (this.#cuts[reason] ?? 0) + 1
    this.#ended.toDestination += circuit.bytesToDestination
    this.#ended.toSource += circuit.bytesToSource
    addCircuit(this.#talkers, circuit)
  }

  /** Bytes since the last call, circuits that are open included. */
  takeNew(open: readonly CircuitStatus[]): Carried {
    const total = { ...this.#ended }
    for (const circuit of open) {
      total.toDestination += circuit.bytesToDestination
      total.toSource += circuit.bytesToSource
    }
    const fresh = {
      toDestination: Math.max(0, total.toDestination - this.#given.toDestination),
      toSource: Math.max(0, total.toSource - this.#given.toSource),
    }
    this.#given.toDestination += fresh.toDestination
    this.#given.toSource += fresh.toSource
    return fresh
  }

  totals(open: readonly CircuitStatus[]): RelayTotals {
    const talkers = new Map(this.#talkers.entries())
    for (const circuit of open) addCircuit(talkers, circuit)
    const loudestFirst = [...talkers.values()].sort((a, b) => bytesOf(b) - bytesOf(a))
    return {
      refusals: { ...this.#refusals },
      ends: { ...this.#cuts },
      talkers: loudestFirst.filter((talker) => bytesOf(talker) > 0).slice(0, SHOWN_LIMIT),
    }
  }
}

interface Talkers {
  get(peerId: string): RelayTalker | undefined
  set(peerId: string, talker: RelayTalker): unknown
}

function addCircuit(talkers: Talkers, circuit: CircuitStatus): void {
  const { source, destination, bytesToDestination, bytesToSource } = circuit
  add(talkers, source, bytesToDestination, bytesToSource)
  add(talkers, destination, bytesToSource, bytesToDestination)
}

function add(
  talkers: Talkers,
  { peerId, host }: CircuitStatus['source'],
  sent: number,
  received: number,
): void {
  const known = talkers.get(peerId)
  talkers.set(peerId, {
    peerId,
    host,
    bytesSent: (known?.bytesSent ?? 0) + sent,
    bytesReceived: (known?.bytesReceived ?? 0) + received,
  })
}

function bytesOf({ bytesSent, bytesReceived }: RelayTalker): number {
  return bytesSent + bytesReceived
}
