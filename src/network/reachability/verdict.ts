import { ANSWERS_WANTED, LIMIT_DECLINED } from './constants.ts'
import type { DialBackResult, ReachabilityState } from './types.ts'

/**
 * What the answers about one address come to. One that reached us has proven it; that nobody can is a
 * server's word alone and takes two of them, of different servers where there are two. A verdict falls only
 * to as many answers against it.
 */
export class Verdict {
  #state: ReachabilityState = 'unknown'
  /** Who could not reach us since somebody did: each server once, while there is another. */
  readonly #against = new Set<string>()
  #againstInAll = 0
  #declined = 0

  get state(): ReachabilityState {
    return this.#state
  }

  /** Whether it is worth a hurry to ask on. */
  get isOpen(): boolean {
    return this.#state === 'unknown' && this.#declined < LIMIT_DECLINED
  }

  /** Whether a server has said all that it has to say. */
  hasHeard(peerId: string): boolean {
    return this.#against.has(peerId)
  }

  /** @param isOnlyServer nobody else can be asked */
  note(result: DialBackResult, peerId: string, isOnlyServer: boolean): void {
    if (result === 'declined') {
      this.#declined += 1
      return
    }
    this.#declined = 0
    if (result === 'reached') {
      this.#state = 'public'
      this.#against.clear()
      this.#againstInAll = 0
      return
    }
    this.#against.add(peerId)
    this.#againstInAll += 1
    const against = isOnlyServer ? this.#againstInAll : this.#against.size
    if (against < ANSWERS_WANTED) return
    this.#state = 'private'
    this.#against.clear()
    this.#againstInAll = 0
  }
}
