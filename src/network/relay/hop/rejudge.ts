import { setImmediate as nextTurn } from 'node:timers/promises'

import type { CircuitTable } from '../circuit-table.ts'
import type { RelayRequest } from '../types.ts'
import { REJUDGE_CONCURRENCY } from './constants.ts'
import type { PolicyGate } from './policy-gate.ts'
import type { ReservationStore } from './reservations.ts'

export interface RejudgeComponents {
  readonly reservations: ReservationStore
  readonly circuits: Pick<CircuitTable, 'list' | 'cut'>
  readonly gate: PolicyGate
}

/**
 * Asks the policy again about every live reservation and circuit and cuts off what it does not allow any
 * more. One round at a time, as large as the limits allow; a change meanwhile begins another one after it.
 */
export class Rejudge {
  readonly #components: RejudgeComponents
  #isWanted = false
  #round: Promise<void> | null = null

  constructor(components: RejudgeComponents) {
    this.#components = components
  }

  /** @param signal ends the rounds */
  wake(signal: AbortSignal): void {
    this.#isWanted = true
    this.#round ??= this.#run(signal).finally(() => {
      this.#round = null
    })
  }

  /** Resolves when no round is under way. */
  async idle(): Promise<void> {
    await this.#round
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (this.#isWanted && !signal.aborted) {
      this.#isWanted = false
      // What an aborted round left undone, the stop that aborted it does.
      await this.#all(signal).catch(() => {})
    }
  }

  async #all(signal: AbortSignal): Promise<void> {
    const { reservations, circuits, gate } = this.#components
    const requests = [...reservations.list(), ...circuits.list()].map(requestOf)
    for (let i = 0; i < requests.length; i += REJUDGE_CONCURRENCY) {
      const judge = async (request: RelayRequest) => {
        const verdict = await gate.judge(request, signal)
        if (!verdict.isAllowed) this.#cutOff(request)
      }
      await Promise.all(requests.slice(i, i + REJUDGE_CONCURRENCY).map(judge))
      // Policies that answer at once would hold up everything else.
      await nextTurn()
    }
  }

  #cutOff({ client, destination }: RelayRequest): void {
    const { reservations, circuits } = this.#components
    if (destination === null) {
      reservations.end(client.peerId, 'policy')
      circuits.cut(client.peerId, 'policy')
    } else {
      circuits.cut(client.peerId, 'policy', destination)
    }
  }
}

type Live = ReturnType<ReservationStore['list']>[number] | ReturnType<CircuitTable['list']>[number]

function requestOf(live: Live): RelayRequest {
  return 'source' in live
    ? { kind: 'connect', client: live.source, destination: live.destination.peerId }
    : { kind: 'reserve', client: live.client, destination: null }
}
