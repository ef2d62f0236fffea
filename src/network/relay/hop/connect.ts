import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { peerIdFromMultihash, peerIdFromString } from '@libp2p/peer-id'
import * as Digest from 'multiformats/hashes/digest'

import { PEER_ID_LIMIT_BYTES } from '../../../wire/address-values.ts'
import { isClientCircuit } from '../client-class.ts'
import type { RelayClient } from '../types.ts'
import { classed, isRelayed, newestDirect, relayClientOf } from './client-source.ts'
import { sendMessage } from './message-stream.ts'
import { type HopParts, type Refusal, wireLimit } from './parts.ts'
import { requestStop, type StopStream } from './stop-request.ts'
import { encodeHopMessage, HOP_TYPE, STATUS, type WirePeer } from './wire.ts'

export interface ConnectRequest {
  readonly connection: Connection
  readonly stream: Stream
  /** What came after the request. */
  readonly rest: Uint8Array
  readonly destination: string
}

/** Whom a request is for; null when that is no peer ID. Its addresses are not looked at: nobody is dialled. */
export function destinationOf(peer: WirePeer | null): string | null {
  if (peer === null || peer.id.length > PEER_ID_LIMIT_BYTES) return null
  try {
    return peerIdFromMultihash(Digest.decode(peer.id)).toString()
  } catch {
    return null
  }
}

/**
 * Brings a circuit about and carries it to its end.
 * @returns null after a circuit, else why there was none. @throws the signal's reason
 */
export async function answerConnect(
  request: ConnectRequest,
  parts: HopParts,
  signal: AbortSignal,
): Promise<Refusal | null> {
  const { connection, destination: peerId } = request
  const caller = relayClientOf(connection)
  if (isRelayed(connection)) return { status: STATUS.permissionDenied, reason: 'relayed' }
  if (peerId === caller.peerId) return { status: STATUS.permissionDenied, reason: 'self' }
  const absent = absenceOf(peerId, parts)
  if (absent !== null) return absent
  const source = await allowedSource(caller, peerId, { parts, signal })
  if ('reason' in source) return source
  const destination = parts.reservations.reachable(peerId)
  if (destination === null) return { status: STATUS.noReservation, reason: 'no_reservation' }
  const place = parts.circuits.reserve(source, destination)
  if (typeof place === 'string') {
    return { status: STATUS.resourceLimitExceeded, reason: place }
  }
  let linked: StopStream | Refusal
  try {
    linked = await link(request, { source, destination, parts }, signal)
  } catch (error) {
    place.release()
    throw error
  }
  if ('reason' in linked) {
    place.release()
    return linked
  }
  const leftovers = { fromSource: request.rest, fromDestination: linked.rest }
  await place.carry(request.stream, linked.stream, leftovers)
  return null
}

/** Why nobody can be reached under a peer ID; null when somebody can. */
function absenceOf(peerId: string, parts: HopParts): Refusal | null {
  if (parts.reservations.reachable(peerId) === null) {
    return { status: STATUS.noReservation, reason: 'no_reservation' }
  }
  if (directTo(peerIdFromString(peerId), parts) === null) {
    return { status: STATUS.noReservation, reason: 'not_connected' }
  }
  return null
}

function directTo(peerId: PeerId, { libp2p }: HopParts): Connection | null {
  return newestDirect(libp2p.getConnections(peerId))
}

interface Judging {
  readonly parts: HopParts
  readonly signal: AbortSignal
}

/** Who asks, in its class, when the policy lets it. */
async function allowedSource(
  caller: RelayClient,
  destination: string,
  { parts, signal }: Judging,
): Promise<RelayClient | Refusal> {
  const request = { kind: 'connect', client: caller, destination } as const
  const verdict = await parts.gate.judge(request, signal)
  if (verdict.isAllowed) return classed(caller, verdict)
  return { status: STATUS.permissionDenied, reason: verdict.reason }
}

async function denialOf(
  source: RelayClient,
  destination: string,
  judging: Judging,
): Promise<Refusal | null> {
  const found = await allowedSource(source, destination, judging)
  return 'reason' in found ? found : null
}

interface Ends {
  readonly source: RelayClient
  readonly destination: RelayClient
  readonly parts: HopParts
}

/** Asks the destination, and tells the source that it may begin. */
async function link(
  { connection, stream }: ConnectRequest,
  { source, destination, parts }: Ends,
  signal: AbortSignal,
): Promise<StopStream | Refusal> {
  const { limits, gate } = parts
  const { version } = gate
  const target = directTo(peerIdFromString(destination.peerId), parts)
  if (target === null) return { status: STATUS.noReservation, reason: 'not_connected' }
  const limit = wireLimit(limits, isClientCircuit({ source, destination }))
  // Streams that are still closing count too.
  const { circuits, clients } = limits
  const atOnce = circuits.perDestination + (clients?.circuits.perDestination ?? 0)
  const maxOutboundStreams = 2 * atOnce
  const request = { source: connection.remotePeer, limit, maxOutboundStreams }
  const stop = await whileOpen(stream, signal, (inner) => requestStop(target, request, inner))
  if (typeof stop === 'string') return { status: STATUS.connectionFailed, reason: stop }
  try {
    // Either of them may have been shut out while the destination was asked.
    const refusal =
      absenceOf(destination.peerId, parts) ??
      (gate.version === version
        ? null
        : await denialOf(source, destination.peerId, { parts, signal }))
    if (refusal === null) {
      sendMessage(stream, encodeHopMessage({ type: HOP_TYPE.status, status: STATUS.ok, limit }))
      return stop
    }
    stop.stream.abort(new Error('the circuit is not allowed any more'))
    return refusal
  } catch (error) {
    stop.stream.abort(new Error('the source of the circuit is gone'))
    throw error
  }
}

/** Does the work with a signal that also aborts when the stream is closed meanwhile. */
async function whileOpen<T>(
  stream: Stream,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const onClose = () => controller.abort(new Error('the source of the circuit is gone'))
  const onAbort = () => controller.abort(signal.reason)
  stream.addEventListener('close', onClose)
  signal.addEventListener('abort', onAbort)
  if (stream.status !== 'open') onClose()
  if (signal.aborted) onAbort()
  try {
    return await work(controller.signal)
  } finally {
    stream.removeEventListener('close', onClose)
    signal.removeEventListener('abort', onAbort)
  }
}
