import {
  byClass,
  isClientCircuit,
  isClientReservation,
  type RelayStatus,
} from '../network/index.ts'
import type { JsonValue } from '../registry/index.ts'

const RELAY = 'relay'
/** `relay-load-50`: half of its places, or more, are taken. */
const LOAD = /^relay-load-(0|25|50|75|100)$/
const STEP = 0.25
/** A load has to be so far beyond a step to count as having crossed it: it hovers around one for hours. */
const MARGIN = 0.05

/**
 * How full a relay is, in quarters: 1 is full. Coarse on purpose, since each change is an entry in every
 * station's log. It remembers what it said, so that a load at a step's edge says one thing.
 */
export class RelayLoad {
  #said: number | null = null

  /** @returns 0, 0.25, 0.5, 0.75 or 1 */
  read(status: Pick<RelayStatus, 'reservations' | 'circuits' | 'limits' | 'monthBytes'>): number {
    const load = loadOf(status)
    const step = stepOf(load)
    const said = this.#said
    const isClear =
      said === null ||
      step === 1 ||
      (step > said && load >= step + MARGIN) ||
      (step < said && load < said - MARGIN)
    if (isClear) this.#said = step
    return this.#said ?? step
  }
}

function loadOf({ reservations, circuits, limits, monthBytes }: Parameters<RelayLoad['read']>[0]) {
  const { monthlyBytes } = limits
  if (monthlyBytes !== null && monthBytes >= monthlyBytes) return 1
  const shares = [
    byClass(reservations, isClientReservation).members / limits.reservations.total,
    byClass(circuits, isClientCircuit).members / limits.circuits.total,
  ]
  return Math.min(1, Math.max(...shares))
}

function stepOf(load: number): number {
  return Math.floor(load / STEP) * STEP
}

/** What the `capabilities` of a relay's node record say of it. @param load as `RelayLoad` reads it */
export function relayWords(load: number): string[] {
  return [RELAY, `relay-load-${load * 100}`]
}

/** Whether a record is a relay's, and how full it says to be (null: it does not say). Never throws. */
export function readRelayWords(
  capabilities: JsonValue | undefined,
): { readonly load: number | null } | null {
  if (!Array.isArray(capabilities) || !capabilities.includes(RELAY)) return null
  for (const word of capabilities) {
    const percent = typeof word === 'string' ? LOAD.exec(word)?.[1] : undefined
    if (percent !== undefined) return { load: Number(percent) / 100 }
  }
  return { load: null }
}
