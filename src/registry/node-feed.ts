import type { AnnouncedNode, NodeRecord, RegistryRecord } from './types.ts'
import { ownsItsName } from './view.ts'

const LISTENERS_LIMIT = 64
/** Of one station; a record of 4 KB could name two thousand places to dial. */
const ADDRESSES_LIMIT = 16

export interface NodeFeedComponents {
  readonly ownPeerId: string
  onListenerFailed(error: unknown): void
}

/** Tells of stations that say where they can be reached: what discovery takes from the registry. */
export class NodeFeed {
  readonly #components: NodeFeedComponents
  readonly #listeners = new Set<(node: AnnouncedNode) => void>()

  constructor(components: NodeFeedComponents) {
    this.#components = components
  }

  /** @returns the unsubscriber. @throws RangeError for the 65th listener. */
  listen(listener: (node: AnnouncedNode) => void): () => void {
    if (this.#listeners.size >= LISTENERS_LIMIT) throw new RangeError('too many listeners')
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell(record: RegistryRecord<NodeRecord>): void {
    const node = this.toAnnounced(record)
    if (node === null) return
    for (const listener of [...this.#listeners]) {
      try {
        listener(node)
      } catch (error) {
        this.#components.onListenerFailed(error)
      }
    }
  }

  /**
   * @returns null for our own record, for one without an address, and for one that its author wrote
   * about anything but itself: an author has any number of those, each with places to dial.
   */
  toAnnounced(record: RegistryRecord<NodeRecord>): AnnouncedNode | null {
    if (record.author === this.#components.ownPeerId || !ownsItsName(record)) return null
    const announced = record.value.announce_address
    const texts = typeof announced === 'string' ? announced.split(/[\s,]+/) : announced
    if (!Array.isArray(texts)) return null
    const addresses = texts.filter((text) => typeof text === 'string' && text !== '')
    if (addresses.length === 0) return null
    return { peerId: record.author, addresses: addresses.slice(0, ADDRESSES_LIMIT) }
  }
}
