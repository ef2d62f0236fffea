import type { PeerStream, StreamHandlerOptions } from '../../network/types.ts'
import { MAX_ENTRY_BYTES } from '../constants.ts'
import type { RegistryDatabase } from '../store/database.ts'
import { FramingError, type FramingLimits, readItems } from './framing.ts'
import type { Receipt } from './inbox.ts'

/** Heads sent to a peer, the latest first; the rest follow from a log transfer. */
const HEADS_SENT = 64

/** Entries of one peer's heads that may break rules, each of which counts against it. */
const REJECTED_LIMIT = 8
/** Those that may be ahead of our clock: one whose own clock is wrong has no others. */
const EARLY_LIMIT = 8

const ITEMS_LIMIT = 2 * HEADS_SENT
const LIMITS: FramingLimits = {
  itemBytes: MAX_ENTRY_BYTES,
  items: ITEMS_LIMIT,
  totalBytes: ITEMS_LIMIT * MAX_ENTRY_BYTES,
}

export const HEADS_DEADLINE_MS = 15_000

export const HEADS_HANDLER_OPTIONS: StreamHandlerOptions = {
  maxInboundStreams: 2,
  maxOutboundStreams: 2,
  timeoutMs: HEADS_DEADLINE_MS,
}

/** OrbitDB's protocol for one log; the address is part of the name. */
export function headsProtocol(address: string): string {
  return `/orbitdb/heads${address}`
}

export interface ExchangeResult {
  /** Heads of the peer that wait for ancestors. */
  readonly held: number
  /** There may be more of them, which these say nothing of: it sent as many as it may, or not all were judged. */
  readonly isCut: boolean
  /** Not all were judged, for too many heads of peers were of late. */
  readonly isSkipped: boolean
}

/** `skipped`: not judged, for too many heads of peers were of late. */
export type HeadReceipt = Receipt | 'skipped'

/**
 * Both sides send the entries of their heads, each one CBOR item, and close. The two directions run
 * side by side, so that neither waits for a peer that only listens. @throws FramingError, stream errors.
 */
export async function exchangeHeads(
  stream: PeerStream,
  database: RegistryDatabase,
  receive: (bytes: Uint8Array) => Promise<HeadReceipt>,
  signal: AbortSignal,
): Promise<ExchangeResult> {
  const [result] = await Promise.all([
    receiveHeads(stream, receive),
    sendHeads(stream, database, signal),
  ])
  return result
}

async function sendHeads(
  stream: PeerStream,
  database: RegistryDatabase,
  signal: AbortSignal,
): Promise<void> {
  for (const hash of database.log.heads(HEADS_SENT)) {
    const bytes = await database.getBytes(hash)
    if (bytes !== undefined) await stream.send(bytes, signal)
  }
  await stream.close(signal)
}

async function receiveHeads(
  stream: PeerStream,
  receive: (bytes: Uint8Array) => Promise<HeadReceipt>,
): Promise<ExchangeResult> {
  let [heads, held, early, rejected] = [0, 0, 0, 0]
  let [isCut, isSkipped] = [false, false]
  for await (const bytes of readItems(stream.chunks(), LIMITS)) {
    heads += 1
    isCut ||= heads >= HEADS_SENT || early > EARLY_LIMIT
    // What is not judged is read all the same: its sender waits for the end of what it sends.
    if (heads > HEADS_SENT || early > EARLY_LIMIT) continue
    const receipt = await receive(bytes)
    isSkipped ||= receipt === 'skipped'
    if (receipt === 'held') held += 1
    if (receipt === 'early') early += 1
    if (receipt === 'rejected') rejected += 1
    // Its sender is shunned by now; what else came with it is not worth a look.
    if (rejected > REJECTED_LIMIT) throw new FramingError('MALFORMED')
  }
  return { held, isCut: isCut || isSkipped, isSkipped }
}
