import type { Connection } from '@libp2p/interface'

import { isDirect, isIdle, needlessConnections } from './needless.ts'
import { pause } from './waiting.ts'

const CLOSE_MS = 2_000

export interface SpareConnectionsComponents {
  /** Those with a page that are open. */
  readonly connections: (peerId: string) => readonly Connection[]
  /** Whether this client's own peer ID is the smaller one: both ends keep the same connection. */
  readonly isSmaller: (peerId: string) => boolean
  /** Whether the other end of just this connection is there. */
  readonly answers: (connection: Connection, signal: AbortSignal) => Promise<boolean>
}

/** Closes what a direct connection with a page makes needless, once both ends use it. */
export class SpareConnections {
  readonly #spareMs: number
  readonly #components: SpareConnectionsComponents
  /** Pages whose needless connections are closed soon. */
  readonly #pending = new Set<string>()

  /** @param spareMs how long a needless one is kept */
  constructor(spareMs: number, components: SpareConnectionsComponents) {
    this.#spareMs = spareMs
    this.#components = components
  }

  closeLater(peerId: string, signal: AbortSignal): void {
    if (this.#pending.has(peerId)) return
    this.#pending.add(peerId)
    const { connections, isSmaller } = this.#components
    void pause(this.#spareMs, signal).then(async () => {
      this.#pending.delete(peerId)
      if (signal.aborted) return
      await this.#closeSilent(peerId, signal)
      const needless = needlessConnections(connections(peerId), isSmaller(peerId))
      await Promise.all(needless.filter(isIdle).map(closeInOrder))
      // What still carries something is looked at again.
      if (needless.some(({ status }) => status === 'open')) this.closeLater(peerId, signal)
    })
  }

  /**
   * Before one of several is closed the others have to prove that they are there: what the other end has given up
   * can look open here, and must not be the one that stays.
   */
  async #closeSilent(peerId: string, signal: AbortSignal): Promise<void> {
    const { connections, answers } = this.#components
    const direct = connections(peerId).filter(isDirect)
    if (direct.length < 2) return
    await Promise.all(
      direct.map(async (one) => {
        if (await answers(one, signal)) return
        if (!signal.aborted) one.abort(new Error('nobody answers over it'))
      }),
    )
  }
}

/** Within two seconds, or else without the other end's word. */
async function closeInOrder(connection: Connection): Promise<void> {
  try {
    await connection.close({ signal: AbortSignal.timeout(CLOSE_MS) })
  } catch (error) {
    connection.abort(error instanceof Error ? error : new Error(String(error)))
  }
}
