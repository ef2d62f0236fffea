import type { HeliaWithLibp2p } from '@helia/libp2p'
import type { Libp2p, ServiceMap } from '@libp2p/interface'

import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Clock } from '../../lib/clock.ts'
import { withDeadline } from '../../lib/deadline.ts'
import { MAX_ENTRY_BYTES } from '../constants.ts'
import type { BitswapLimits } from '../options.ts'
import type { BlockStore } from '../store/block-store.ts'
import { cidOf } from '../store/entry-codec.ts'
import { startHelia } from './bitswap-helia.ts'
import { createJudgedBlockstore } from './judged-blockstore.ts'

const FETCH_DEADLINE_MS = 4000
const STOP_DEADLINE_MS = 900
/** How long a block that nobody gave is not asked for again. */
const MISS_MS = 60_000
/**
 * Between a fetch that was cut short and the next of the same block. @helia/bitswap 4.0 takes a want up again
 * as one that is cancelled, and asks nobody, until its cancelled wants have been cleared away: at once, or when
 * the slowest peer has taken the message before. Can go when a new want is a new one.
 */
const AGAIN_AFTER_MS = 2000

/** Gets single blocks from whichever connected peer has them; serves ours the same way. */
export interface BlockFetcher {
  /** @returns null when no peer gave it within 4 s, or lately did not. */
  fetch(hash: string, signal: AbortSignal): Promise<Uint8Array | null>
  stop(): Promise<void>
}

export interface BitswapComponents {
  readonly libp2p: Libp2p
  readonly blocks: BlockStore
  readonly clock: Clock
}

/** What it fetches stays in memory until the registry has judged it. @throws what Helia throws. */
export async function startBitswap(
  limits: BitswapLimits,
  components: BitswapComponents,
): Promise<BlockFetcher> {
  const { libp2p, blocks, clock } = components
  const blockstore = createJudgedBlockstore(blocks)
  const helia = await startHelia(limits, { libp2p, blockstore, clock })
  const misses = new BoundedMap<string, number>({ limit: 1024 })
  const cutShort = new BoundedMap<string, number>({ limit: 1024 })
  return {
    fetch: async (hash, signal) => {
      if ((misses.peek(hash) ?? 0) > clock.now()) return null
      const waitMs = Math.min((cutShort.peek(hash) ?? 0) - clock.now(), AGAIN_AFTER_MS)
      try {
        if (waitMs > 0) await clock.sleep(waitMs, signal)
        return await withDeadline((inner) => readBlock(helia, hash, inner), {
          ms: FETCH_DEADLINE_MS,
          label: 'fetching a block',
          signal,
        })
      } catch {
        cutShort.set(hash, clock.now() + AGAIN_AFTER_MS)
        // Cut short by the caller, it says nothing about who has the block.
        if (!signal.aborted) misses.set(hash, clock.now() + MISS_MS)
        return null
      }
    },
    stop: async () => {
      await withDeadline(async () => void (await helia.stop()), {
        ms: STOP_DEADLINE_MS,
        label: 'stopping bitswap',
      })
    },
  }
}

async function readBlock(
  helia: HeliaWithLibp2p<ServiceMap>,
  hash: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of helia.blockstore.get(cidOf(hash), { signal })) parts.push(part)
  const bytes = Buffer.concat(parts)
  if (bytes.length > MAX_ENTRY_BYTES) throw new Error('no entry is this large')
  return bytes
}
