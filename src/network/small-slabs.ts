import { Buffer } from 'node:buffer'

import { KIB } from './limits/scale.ts'

/**
 * Node 24 cuts small buffers from slabs of 64 KiB, and a slab stays for as long as any of them. A connection
 * keeps a few of some ten bytes (its address, its peer's ID) among hundreds that live for a moment, so each
 * idle one held 54 KiB of slabs for less than 1 KiB. With smaller slabs it holds a twelfth of that.
 */
const SLAB_BYTES = 4 * KIB

/** For the whole process, from the next slab on. */
export function useSmallSlabs(): void {
  Buffer.poolSize = SLAB_BYTES
}
