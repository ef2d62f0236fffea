import { CID } from 'multiformats/cid'

import * as car from '../store/car.ts'
import {
  cidOf,
  decodeValue,
  encodeValue,
  hashOf,
  hashOfCid,
  isSameBytes,
} from '../store/entry-codec.ts'
import { SnapshotError } from './errors.ts'

const HEADER_LIMIT_BYTES = 128

export interface CarLimits {
  readonly blockBytes: number
  /** The first block. */
  readonly rootBytes: number
  readonly blocks: number
}

export interface CarBlock {
  readonly hash: string
  readonly bytes: Uint8Array
  /** Whether the bytes are what the name says. */
  readonly isIntact: boolean
}

/** The header and the root block, which comes first. */
export function carHead(rootBytes: Uint8Array): Uint8Array {
  return Buffer.concat([car.carHeader(hashOf(rootBytes)), car.carSection(rootBytes)])
}

export function carSection(hash: string, bytes: Uint8Array): Uint8Array {
  return car.carSection(bytes, cidOf(hash).bytes)
}

/**
 * Yields the blocks of a CAR in order, the root first, each hashed; a damaged root is an error, for
 * nothing can be said of the rest. At most one block is held. @throws SnapshotError `MALFORMED`, `DAMAGED`.
 */
export async function* readCar(
  chunks: AsyncIterable<Uint8Array>,
  limits: CarLimits,
): AsyncGenerator<CarBlock> {
  let root: string | null = null
  let blocks = 0
  const cutter = new car.FrameCutter(HEADER_LIMIT_BYTES)
  for await (const [frame, offset] of frames(chunks, cutter)) {
    if (root === null) {
      root = readRoot(frame)
      if (root === null) throw malformed('it does not begin like one', 0)
      cutter.limitBytes = car.NAME_BYTES + limits.rootBytes
      continue
    }
    cutter.limitBytes = car.NAME_BYTES + limits.blockBytes
    blocks += 1
    if (blocks > limits.blocks) throw malformed('it has too many blocks', offset)
    yield readSection(frame, offset, blocks === 1 ? root : null)
  }
  if (root === null) throw malformed('it does not begin like one', 0)
  if (blocks === 0) throw malformed('it ends before its manifest', cutter.offset)
}

/** Frames, each with where it begins. */
async function* frames(
  chunks: AsyncIterable<Uint8Array>,
  cutter: car.FrameCutter,
): AsyncGenerator<[Uint8Array, number]> {
  try {
    for await (const chunk of chunks) {
      let offset = cutter.offset
      for (const frame of cutter.cut(chunk)) {
        yield [frame, offset]
        offset = cutter.offset
      }
    }
    cutter.end()
  } catch (error) {
    throw error instanceof car.CarError ? malformed(error.message, error.offset) : error
  }
}

function readRoot(bytes: Uint8Array): string | null {
  try {
    const header = decodeValue(bytes) as { readonly roots?: unknown } | null
    const cid = Array.isArray(header?.roots) ? CID.asCID(header.roots[0]) : null
    const root = cid === null ? null : hashOfCid(cid)
    if (root === null) return null
    // One spelling: the same header again has to be the same bytes.
    return isSameBytes(encodeValue({ roots: [cidOf(root)], version: 1 }), bytes) ? root : null
  } catch {
    return null
  }
}

function readSection(section: Uint8Array, offset: number, root: string | null): CarBlock {
  const hash = readName(section, offset)
  // A copy of its own, which a Buffer's own `slice` is not: the frame may be a view of a chunk.
  const bytes = Uint8Array.prototype.slice.call(section, car.NAME_BYTES)
  const isIntact = hashOf(bytes) === hash
  if (root !== null && hash !== root) throw malformed('its first block is not its root', offset)
  if (root !== null && !isIntact) {
    throw new SnapshotError('DAMAGED', 'the manifest of the snapshot is damaged', { offset, hash })
  }
  return { hash, bytes, isIntact }
}

function readName(section: Uint8Array, offset: number): string {
  try {
    const hash = hashOfCid(CID.decode(section.subarray(0, car.NAME_BYTES)))
    if (hash !== null) return hash
  } catch {
    // Said below.
  }
  throw malformed('a block has a name of another kind', offset)
}

function malformed(problem: string, offset: number): SnapshotError {
  const message = `the file is no whole snapshot: ${problem} (byte ${offset})`
  return new SnapshotError('MALFORMED', message, { offset })
}
