import type { PageRecord } from './own-record.ts'

/** Others that are remembered to be there; a node tells of 48. */
const LIMIT_PAGES = 256
/** By the word of one node, which must not take the places of all. */
const LIMIT_PAGES_OF_RELAY = 64

/** Another page, as nodes tell of it. */
export interface KnownPage {
  readonly peerId: string
  readonly seq: bigint
  readonly hasWebRtc: boolean
  /** Nodes that say so and that it says it can be reached through. */
  readonly relays: ReadonlySet<string>
}

/** Who is there, by the word of the nodes that this client is connected to. */
export class PageBook {
  readonly #pages = new Map<string, KnownPage>()

  /** @returns whether anything is new */
  note(relay: string, record: PageRecord): boolean {
    const { peerId, seq, hasWebRtc } = record
    if (!record.relays.includes(relay)) return false
    const known = this.#pages.get(peerId)
    if (known === undefined && this.#pages.size >= LIMIT_PAGES) return false
    if (known?.relays.has(relay) !== true && this.#countOf(relay) >= LIMIT_PAGES_OF_RELAY)
      return false
    if (known?.relays.has(relay) === true && known.seq >= seq) return false
    const isNewer = known === undefined || known.seq < seq
    this.#pages.set(peerId, {
      peerId,
      seq: isNewer ? seq : known.seq,
      hasWebRtc: isNewer ? hasWebRtc : known.hasWebRtc,
      relays: new Set([...(known?.relays ?? []), relay]),
    })
    return true
  }

  noteGone(relay: string, peerId: string): boolean {
    const known = this.#pages.get(peerId)
    if (known?.relays.has(relay) !== true) return false
    const relays = new Set([...known.relays].filter((one) => one !== relay))
    if (relays.size === 0) this.#pages.delete(peerId)
    else this.#pages.set(peerId, { ...known, relays })
    return true
  }

  /** @returns whom this node was the last one to tell of, among others */
  forgetRelay(relay: string): string[] {
    return [...this.#pages.keys()].filter((peerId) => this.noteGone(relay, peerId))
  }

  get(peerId: string): KnownPage | null {
    return this.#pages.get(peerId) ?? null
  }

  #countOf(relay: string): number {
    return this.all().filter(({ relays }) => relays.has(relay)).length
  }

  all(): KnownPage[] {
    return [...this.#pages.values()]
  }
}
