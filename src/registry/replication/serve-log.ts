import { withDeadline } from '../../lib/deadline.ts'
import type { PeerStream } from '../../network/types.ts'
import { carSection } from '../store/car.ts'
import type { RegistryDatabase } from '../store/database.ts'
import { isSameBytes } from '../store/entry-codec.ts'
import { readItems } from './framing.ts'
import {
  answerHeader,
  FIRST_BYTES,
  NEXT_PAGE,
  PAGE_BYTES,
  parseTransferRequest,
  REQUEST_LIMITS,
  type TransferRequest,
} from './log-transfer.ts'

/** Blocks read from disk in one go. */
const READ_AT_ONCE = 64
/** A request is one small item. */
const REQUEST_DEADLINE_MS = 5000
/** Time to join one page. */
const PAGE_DEADLINE_MS = 20_000
/** What is shorter is there in a moment, in whatever order; it comes parents first. */
const SHORT_LOG_ENTRIES = 512

/**
 * Answers one request. @throws FramingError, DeadlineError, stream errors, what `admit` throws.
 * @param admit called when the request has been read, before it costs anything
 */
export async function serveLog(
  stream: PeerStream,
  databaseAt: (address: string) => RegistryDatabase | null,
  signal: AbortSignal,
  admit: (database: RegistryDatabase) => Promise<void> | void = () => {},
): Promise<void> {
  const items = readItems(stream.chunks(), REQUEST_LIMITS)
  const request = await readRequest(items, signal)
  const database = request === null ? null : databaseAt(request.log)
  if (request === null || database === null) throw new Error('not a request for a log of ours')
  await admit(database)
  const missing = database.log.lacking(request.have, request)
  await stream.send(answerHeader(database.address), signal)
  const pages = pagesOf(readBlocks(database, request, missing))
  let page = await pages.next()
  while (page.done !== true) {
    await stream.send(page.value, signal)
    // Read while the asker takes in the one before.
    page = await pages.next()
    if (page.done !== true) await readGoOn(items, signal)
  }
  await stream.close(signal)
}

/** What is asked for, some blocks at a time; those that are not here or not intact are left out. */
async function* readBlocks(
  database: RegistryDatabase,
  { want, first }: TransferRequest,
  missing: Uint32Array,
): AsyncGenerator<Uint8Array[]> {
  yield (await database.getBytesMany(want)).filter((bytes) => bytes !== undefined)
  const sent = new Set<number>()
  if (missing.length > SHORT_LOG_ENTRIES) {
    let firstBytes = 0
    for await (const { positions, blocks } of readMany(
      database,
      database.log.countingAmong(missing, first),
    )) {
      firstBytes += blocks.reduce((sum, { length }) => sum + length, 0)
      if (firstBytes > FIRST_BYTES) break
      yield blocks
      for (const position of positions) sent.add(position)
    }
  }
  for await (const { blocks } of readMany(database, missing, sent)) yield blocks
}

/** @param except positions that are left out */
async function* readMany(
  database: RegistryDatabase,
  all: Uint32Array | readonly number[],
  except: ReadonlySet<number> = new Set(),
): AsyncGenerator<{ positions: readonly number[]; blocks: Uint8Array[] }> {
  for (let at = 0; at < all.length; at += READ_AT_ONCE) {
    const positions = Array.from(all.slice(at, at + READ_AT_ONCE)).filter((one) => !except.has(one))
    if (positions.length === 0) continue
    const read = await database.getBytesMany(database.log.names(positions))
    yield { positions, blocks: read.filter((bytes) => bytes !== undefined) }
  }
}

/** A page ends with the block that makes the whole answer, its header aside, another `PAGE_BYTES` long. */
async function* pagesOf(batches: AsyncIterable<Uint8Array[]>): AsyncGenerator<Uint8Array> {
  let page: Uint8Array[] = []
  let sentBytes = 0
  let pageEnd = PAGE_BYTES
  for await (const blocks of batches) {
    for (const bytes of blocks) {
      const section = carSection(bytes)
      page.push(section)
      sentBytes += section.length
      if (sentBytes < pageEnd) continue
      pageEnd = pageEndAfter(sentBytes)
      yield Buffer.concat(page)
      page = []
    }
  }
  if (page.length > 0) yield Buffer.concat(page)
}

function pageEndAfter(sentBytes: number): number {
  return (Math.floor(sentBytes / PAGE_BYTES) + 1) * PAGE_BYTES
}

async function readRequest(
  items: AsyncGenerator<Uint8Array>,
  signal: AbortSignal,
): Promise<TransferRequest | null> {
  const limits = { ms: REQUEST_DEADLINE_MS, label: 'reading a request for a log', signal }
  const { value } = await withDeadline(() => items.next(), limits)
  return value instanceof Uint8Array ? parseTransferRequest(value) : null
}

async function readGoOn(items: AsyncGenerator<Uint8Array>, signal: AbortSignal): Promise<void> {
  const limits = { ms: PAGE_DEADLINE_MS, label: 'waiting for a page to be joined', signal }
  const { value } = await withDeadline(() => items.next(), limits)
  const isWanted = value instanceof Uint8Array && isSameBytes(value, NEXT_PAGE)
  if (!isWanted) throw new Error('the peer wants no more of the log')
}
