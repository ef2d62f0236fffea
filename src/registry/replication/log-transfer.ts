import { withDeadline } from '../../lib/deadline.ts'
import type { PeerStream, StreamHandlerOptions } from '../../network/types.ts'
import { MAX_ENTRY_BYTES } from '../constants.ts'
import { isPlainObject } from '../records/fields.ts'
import type { RegistryDatabase } from '../store/database.ts'
import { decodeValue, encodeValue, isHash, isSameBytes } from '../store/entry-codec.ts'
import { type FramingLimits, readItems } from './framing.ts'
import { Intake, type IntakeEntrance } from './intake.ts'

/**
 * Brings what a log lacks in one stream. The request names the log, some entries the asker has and
 * lost blocks it wants; the answer is every other entry, parents first, each one CBOR item. So each
 * entry can be joined on arrival, and a transfer cut short has still brought the log forward.
 *
 * The answer comes in pages of at most 256 KiB. After each but the last stands a null, and the next
 * page waits for the asker's `true`: joining is slower than a network, and a page is what fits into
 * a stream's window and read buffer whatever the muxer makes of a reader that is behind. The asker wants
 * the next page when it has this one whole, and joins one while the other is on its way.
 */
const NAMES_LIMIT = 64
const WANTED_LIMIT = 32
/** The request, and a byte for each further page. */
const REQUEST_LIMITS: FramingLimits = { itemBytes: 16_384, items: 1024, totalBytes: 17_408 }
/** One transfer; a larger log takes another, which begins where this one ended. */
const ANSWER_LIMITS: FramingLimits = {
  itemBytes: MAX_ENTRY_BYTES,
  items: 20_000,
  totalBytes: 64 * 1024 * 1024,
}
/** Entries without their parents that are taken from one transfer: the sender lost a few blocks. */
const HELD_LIMIT = 64
const PAGE_BYTES = 256 * 1024
/** Blocks read from disk in one go. */
const READ_AT_ONCE = 64
const PAGE_END = encodeValue(null)
const NEXT_PAGE = encodeValue(true)

export const TRANSFER_DEADLINE_MS = 60_000
/** A request is one small item: whoever needs longer only holds a place. */
const REQUEST_DEADLINE_MS = 5000
/** Time to join one page. */
const PAGE_DEADLINE_MS = 20_000

export const TRANSFER_HANDLER_OPTIONS: StreamHandlerOptions = {
  maxInboundStreams: 4,
  maxOutboundStreams: 4,
  timeoutMs: TRANSFER_DEADLINE_MS,
}

export function transferProtocol(networkName: string): string {
  return `/${networkName}/log/0.1.0`
}

export interface TransferRequest {
  readonly log: string
  readonly have: readonly string[]
  readonly want: readonly string[]
}

/** Reads an untrusted request. @returns null for anything but a well-formed one. */
export function parseTransferRequest(bytes: Uint8Array): TransferRequest | null {
  let raw: unknown
  try {
    raw = decodeValue(bytes)
  } catch {
    return null
  }
  if (!isPlainObject(raw) || typeof raw.log !== 'string') return null
  const have = readNames(raw.have, NAMES_LIMIT)
  const want = readNames(raw.want, WANTED_LIMIT)
  return have === null || want === null ? null : { log: raw.log, have, want }
}

function readNames(raw: unknown, limit: number): string[] | null {
  if (!Array.isArray(raw) || raw.length > limit) return null
  const names = raw.filter(isHash)
  return names.length === raw.length ? names : null
}

/**
 * Asks for what our log lacks. Ends at the first entry that breaks a rule, for honest peers hold none,
 * or whose clock is too early yet.
 * @param isWhole asks for all of it: of a lost stretch we know the latest entry only, not where it ends.
 * @returns by how many entries the log grew meanwhile. @throws FramingError, stream errors.
 */
export async function pullLog(
  stream: PeerStream,
  database: RegistryDatabase,
  entrance: IntakeEntrance,
  signal: AbortSignal,
  { isWhole = false } = {},
): Promise<number> {
  const request: TransferRequest = {
    log: database.address,
    have: isWhole ? [] : database.log.locator(NAMES_LIMIT),
    want: database.log.missing(WANTED_LIMIT),
  }
  const sizeBefore = database.log.size
  await stream.send(encodeValue(request), signal)
  const intake = new Intake({ database, ...entrance })
  try {
    for await (const bytes of readItems(stream.chunks(), ANSWER_LIMITS)) {
      signal.throwIfAborted()
      if (isSameBytes(bytes, PAGE_END)) await stream.send(NEXT_PAGE, signal)
      else await intake.put(bytes)
      if (intake.held > HELD_LIMIT) throw new Error('the peer sent a broken log')
    }
    await intake.drain()
  } finally {
    await intake.stop()
  }
  await stream.close(signal)
  return database.log.size - sizeBefore
}

/** Answers one request. @throws FramingError, DeadlineError, stream errors. */
export async function serveLog(
  stream: PeerStream,
  databaseAt: (address: string) => RegistryDatabase | null,
  signal: AbortSignal,
): Promise<void> {
  const items = readItems(stream.chunks(), REQUEST_LIMITS)
  const request = await readRequest(items, signal)
  const database = request === null ? null : databaseAt(request.log)
  if (request === null || database === null) throw new Error('not a request for a log of ours')
  const missing = database.log.missingFrom(request.have)
  const pages = readPages(database, [...request.want, ...missing])
  let page = await pages.next()
  while (page.done !== true) {
    await stream.send(page.value, signal)
    // Read while the asker takes in the one before.
    page = await pages.next()
    if (page.done === true) break
    await stream.send(PAGE_END, signal)
    await readGoOn(items, signal)
  }
  await stream.close(signal)
}

/** Entries in the given order, as many as fit into a page; those that are not here are left out. */
async function* readPages(
  database: RegistryDatabase,
  hashes: readonly string[],
): AsyncGenerator<Uint8Array> {
  let page: Uint8Array[] = []
  let pageBytes = 0
  for (let at = 0; at < hashes.length; at += READ_AT_ONCE) {
    for (const bytes of await database.getBytesMany(hashes.slice(at, at + READ_AT_ONCE))) {
      if (bytes === undefined) continue
      if (pageBytes + bytes.length > PAGE_BYTES) {
        yield Buffer.concat(page)
        page = []
        pageBytes = 0
      }
      page.push(bytes)
      pageBytes += bytes.length
    }
  }
  if (page.length > 0) yield Buffer.concat(page)
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
