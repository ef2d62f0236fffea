import type { ClientEvents } from './types.ts'

export type Listener<K extends keyof ClientEvents> = (detail: ClientEvents[K]) => void

/** Who is told of a client's events. */
export class ClientListeners {
  readonly #listeners: { readonly [K in keyof ClientEvents]: Set<Listener<K>> } = {
    status: new Set(),
    peer: new Set(),
  }

  /** @returns the unsubscriber */
  add<K extends keyof ClientEvents>(event: K, listener: Listener<K>): () => void {
    const listeners: Set<Listener<K>> = this.#listeners[event]
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  tell<K extends keyof ClientEvents>(event: K, detail: ClientEvents[K]): void {
    for (const listener of [...this.#listeners[event]]) {
      try {
        listener(detail)
      } catch (error) {
        // The page's own fault must not stop the client; the browser's console says where it is.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }

  clear(): void {
    for (const listeners of Object.values(this.#listeners)) listeners.clear()
  }
}
