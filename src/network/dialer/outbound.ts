import type { OpenPeer } from './dial-port.ts'
import { PROVEN_AFTER_MS } from './retry.ts'
import { chooseToTrim } from './trim.ts'

const TRIM_EVERY_MS = 30_000

/** Who is connected since when, and which of them were dialled on purpose. Holds connected peers only. */
export class Outbound {
  readonly #maxPeers: number
  readonly #connectedAtMs = new Map<string, number>()
  readonly #dialled = new Set<string>()
  #trimmedAtMs = 0

  constructor(options: { readonly maxPeers: number }) {
    this.#maxPeers = options.maxPeers
  }

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
    return connectedAtMs
  }

  /** A dial succeeded; a connection that closed meanwhile has nothing to be kept. */
  keep(peerId: string): void {
    if (this.#connectedAtMs.has(peerId)) this.#dialled.add(peerId)
  }

  /** Peers that were dialled and belong to another network; each is told once. */
  takeStrangers(peers: readonly OpenPeer[]): string[] {
    const strangers = peers.filter(
      ({ peerId, isStation }) => isStation === false && this.#dialled.has(peerId),
    )
    for (const { peerId } of strangers) this.#dialled.delete(peerId)
    return strangers.map(({ peerId }) => peerId)
  }

  /** Outbound peers over budget that were not dialled here; empty between two looks, 30 s apart. */
  surplus(peers: readonly OpenPeer[], nowMs: number): string[] {
    if (nowMs - this.#trimmedAtMs < TRIM_EVERY_MS) return []
    this.#trimmedAtMs = nowMs
    return chooseToTrim(peers, {
      maxOutbound: this.#maxPeers,
      keep: this.#dialled,
      olderThanMs: nowMs - PROVEN_AFTER_MS,
    })
  }

  clear(): void {
    this.#connectedAtMs.clear()
    this.#dialled.clear()
  }
}
