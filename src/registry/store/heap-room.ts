import type { HeapUse } from '../../telemetry/index.ts'

/**
 * Heap that a stored byte of the smallest entries takes, in indexes and in the view: twice as much was
 * measured. Counted only until the next whole collection tells what it really was.
 */
const HEAP_PER_STORED_BYTE = 3
/** Above it V8 collects the whole heap again and again, and at its limit it ends the process. */
const STOP_SHARE = 0.65
/** A heap at the edge does not change its mind at each collection. */
const RESUME_SHARE = 0.55

/**
 * How full the heap is, with what was stored since it was last collected. Every entry that joins stays in
 * memory with its epoch, and strangers may write entries: what bounds them is the heap, before the disk.
 */
export class HeapRoom {
  readonly #read: () => HeapUse
  #collections = 0
  #storedSince = 0

  constructor(read: () => HeapUse) {
    this.#read = read
  }

  noteStored(bytes: number): void {
    this.#storedSince += bytes
  }

  /** @param wasFull what it said before: it takes more to begin again than to go on */
  isFull(wasFull: boolean): boolean {
    return this.#share() >= (wasFull ? RESUME_SHARE : STOP_SHARE)
  }

  #share(): number {
    const { usedBytes, liveBytes, collections, limitBytes } = this.#read()
    if (collections !== this.#collections) {
      this.#collections = collections
      this.#storedSince = 0
    }
    const grown = (liveBytes ?? usedBytes) + this.#storedSince * HEAP_PER_STORED_BYTE
    // What is in use has garbage among it, so that it is never more than that.
    return Math.min(usedBytes, grown) / limitBytes
  }
}
