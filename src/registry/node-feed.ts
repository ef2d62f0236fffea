import type { AnnouncedNode, NodeRecord, RegistryRecord } from './types.ts'

const LISTENERS_LIMIT = 64

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

  /** @returns null for our own record and for one without an address. */
  toAnnounced(record: RegistryRecord<NodeRecord>): AnnouncedNode | null {
    if (record.author === this.#components.ownPeerId) return null
    const announced = record.value.announce_address
    const texts = typeof announced === 'string' ? announced.split(/[\s,]+/) : announced
    if (!Array.isArray(texts)) return null
    const addresses = texts.filter((text) => typeof text === 'string' && text !== '')
    return addresses.length === 0 ? null : { peerId: record.author, addresses }
  }
}
