import { KEYS_PER_AUTHOR } from './claims.ts'
import type { KeptClaims, ShownClaim } from './kept-claims.ts'
import { isCarriedId } from './records/carried.ts'
import type { JudgedEntry } from './store/entry-rules.ts'
import type { DatabaseName } from './types.ts'

/** Entries that are shown although they are in no log yet. */
export interface Preview {
  show(judged: JudgedEntry): void
  /** Ends it; what has joined a log meanwhile stays. Nothing is shown any more from the call on. */
  close(): Promise<void>
}

/** Shows entries that may never join, each in a preview that takes what it showed with it. */
export class Previews {
  readonly #kept: KeptClaims
  /** Previews stand in the claims as epochs before all others, each its own. */
  #last = 0

  constructor(kept: KeptClaims) {
    this.#kept = kept
  }

  /** Shows neither revocations that are carried, nor what is ours. */
  open(database: DatabaseName): Preview {
    this.#last -= 1
    const epoch = this.#last
    const kept = this.#kept
    const shown = new Map<string, ShownClaim>()
    let isOpen = true
    return {
      show: (judged) => {
        const author = judged.entry.key
        const isCarried = database === 'trust' && isCarriedId(judged.localId)
        // Of an author at the limit it may not be kept when it joins.
        const isRoom = kept.of(database).keyCountOf(author) < KEYS_PER_AUTHOR
        const isOwn = author === kept.ownPeerId
        if (!isOpen || !isRoom || isCarried || isOwn) return
        const { localId, entry } = judged
        const { key, value } = entry.payload
        shown.set(key, { localId, author, value: value ?? shown.get(key)?.value ?? null })
        kept.apply(database, judged, epoch)
      },
      close: async () => {
        isOpen = false
        await kept.endPreview(database, epoch, [...shown.values()])
        shown.clear()
      },
    }
  }
}
