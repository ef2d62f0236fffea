import { withBitswap } from '@helia/bitswap'
import type { HeliaWithLibp2p } from '@helia/libp2p'
import type { Libp2p, ServiceMap } from '@libp2p/interface'
import { MemoryDatastore } from 'datastore-core'
import { createHeliaLight, type HeliaInit } from 'helia'
import type { CID } from 'multiformats/cid'

import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Clock } from '../../lib/clock.ts'
import { withDeadline } from '../../lib/deadline.ts'
import { MAX_ENTRY_BYTES } from '../constants.ts'
import type { BitswapLimits } from '../options.ts'
import type { BlockStore } from '../store/block-store.ts'
import { cidOf, hashOfCid } from '../store/entry-codec.ts'
import { gatedHost } from './bitswap-gate.ts'

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

/** The library's own. */
const DEFAULTS = { messageBytes: 4 * 1024 ** 2, wants: 1024 }

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

/**
 * Bitswap through Helia light on the host we are given: no routers, no pins, no garbage collection,
 * so it asks connected peers and nobody else. What it fetches stays in memory until the registry has
 * judged it. The host is neither started nor stopped here.
 */
export async function startBitswap(
  limits: BitswapLimits,
  components: BitswapComponents,
): Promise<BlockFetcher> {
  const { libp2p, blocks, clock } = components
  const light = createHeliaLight({
    blockstore: createJudgedBlockstore(blocks),
    datastore: new MemoryDatastore(),
  })
  // withLibp2pLight would make and own a second host; Helia and bitswap read this property only.
  const withHost: HeliaWithLibp2p<ServiceMap> = Object.assign(light, {
    libp2p: gatedHost(libp2p, messageLimits(limits), clock),
  })
  const helia = withBitswap(withHost, { ...limits, runOnLimitedConnections: false })
  await helia.start()
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

function messageLimits({ maxIncomingMessageSize, maxWantListSize }: BitswapLimits) {
  return {
    messageBytes: maxIncomingMessageSize ?? DEFAULTS.messageBytes,
    // Answers to all that we may want of it, and as many wants of its own.
    parts: 2 * (maxWantListSize ?? DEFAULTS.wants),
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

type HeliaBlockstore = NonNullable<HeliaInit['blockstore']>

/**
 * Helia's view of our blocks: it reads them all and writes none. Helia stores a fetched block before
 * anyone has judged it, which would let any peer fill the disk.
 */
function createJudgedBlockstore(blocks: BlockStore): HeliaBlockstore {
  const fetched = new BoundedMap<string, Uint8Array>({ limit: 64 })
  const nameOf = (cid: CID) => hashOfCid(cid) ?? ''
  const read = async (cid: CID): Promise<Uint8Array> => {
    const bytes = fetched.get(nameOf(cid)) ?? (await blocks.get(nameOf(cid)))
    if (bytes === undefined) throw Object.assign(new Error('not here'), { name: 'NotFoundError' })
    return bytes
  }
  const put: HeliaBlockstore['put'] = async (cid, block) => {
    if (block instanceof Uint8Array && block.length <= MAX_ENTRY_BYTES) {
      fetched.set(nameOf(cid), block)
    }
    return cid
  }
  const get: HeliaBlockstore['get'] = async function* (cid) {
    yield await read(cid)
  }
  return {
    put,
    get,
    has: async (cid) => fetched.has(nameOf(cid)) || (await blocks.has(nameOf(cid))),
    putMany: async function* (source) {
      for await (const { cid, bytes } of source) yield await put(cid, bytes)
    },
    getMany: async function* (source) {
      for await (const cid of source) yield { cid, bytes: get(cid) as AsyncGenerator<Uint8Array> }
    },
    getAll: async function* () {},
    delete: async () => {},
    deleteMany: async function* (source) {
      for await (const cid of source) yield cid
    },
  }
}
