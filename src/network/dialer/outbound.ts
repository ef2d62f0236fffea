import { LIMIT_OF_SUBNET } from './crowd.ts'
import type { OpenPeer } from './dial-port.ts'
import type { PeerNetwork } from './peer-network.ts'

/**
 * Who is connected since when, which of them were dialled on purpose, and which because this node chose them
 * itself. Holds connected peers only.
 */
export class Outbound {
  readonly #connectedAtMs = new Map<string, number>()
  readonly #dialled = new Set<string>()
  /** Where each was reached; nowhere for those whom the operator wrote. */
  readonly #chosen = new Map<string, readonly PeerNetwork[]>()

  get isIsolated(): boolean {
    return this.#connectedAtMs.size === 0
  }

  isConnected(peerId: string): boolean {
    return this.#connectedAtMs.has(peerId)
  }

  noteConnected(peerId: string, nowMs: number): void {
    if (!this.#connectedAtMs.has(peerId)) this.#connectedAtMs.set(peerId, nowMs)
  }

  /** @returns when it connected. */
  noteDisconnected(peerId: string, nowMs: number): number {
    const connectedAtMs = this.#connectedAtMs.get(peerId) ?? nowMs
    this.#connectedAtMs.delete(peerId)
    this.#dialled.delete(peerId)
    this.#chosen.delete(peerId)
    return connectedAtMs
  }

  /** A dial succeeded; a connection that closed meanwhile has nothing to be kept. */
  keep(peerId: string): void {
    if (this.#connectedAtMs.has(peerId)) this.#dialled.add(peerId)
  }

  /** It was dialled for its own sake, and not because it, or another part, wanted to. */
  choose(peerId: string, networks: readonly PeerNetwork[]): void {
    this.keep(peerId)
    if (this.#connectedAtMs.has(peerId)) this.#chosen.set(peerId, networks)
  }

  /** Whether as many peers of a network were chosen, those that are dialled now included, as count of one. */
  isFull({ subnet, isShared }: PeerNetwork, dialled = 0): boolean {
    if (isShared) return false
    const there = [...this.#chosen.values()].filter((all) =>
      all.some((one) => one.subnet === subnet),
    )
    return there.length + dialled >= LIMIT_OF_SUBNET
  }

  isChosen(peerId: string): boolean {
    return this.#chosen.has(peerId)
  }

  /** Peers that were dialled and belong to another network; each is told once. */
  takeStrangers(peers: readonly OpenPeer[]): string[] {
    const strangers = peers.filter(
      ({ peerId, isStation }) => isStation === false && this.#dialled.has(peerId),
    )
    for (const { peerId } of strangers) this.#dialled.delete(peerId)
    return strangers.map(({ peerId }) => peerId)
  }

  clear(): void {
    this.#connectedAtMs.clear()
    this.#dialled.clear()
    this.#chosen.clear()
  }
}
