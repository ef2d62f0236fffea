import type { Connection } from '@libp2p/interface'

import { addressesFor } from './addresses.ts'
import { classed, isRelayed, newestDirect, relayClientOf } from './client-source.ts'
import { type HopParts, type Refusal, wireLimit } from './parts.ts'
import { sealVoucher } from './voucher.ts'
import { HOP_TYPE, type HopMessage, STATUS } from './wire.ts'

/** The library's tag: it keeps its connection when the connection manager has too many. */
const TAG = 'circuit-relay-source'

/** Gives a client a reservation or keeps it going. @returns the answer, or why not. @throws the signal's reason */
export async function answerReserve(
  connection: Connection,
  parts: HopParts,
  signal: AbortSignal,
): Promise<Partial<HopMessage> | Refusal> {
  const { libp2p, limits, reservations, circuits, gate, events } = parts
  const source = relayClientOf(connection)
  if (isRelayed(connection)) return { status: STATUS.permissionDenied, reason: 'relayed' }
  const addresses = addressesFor(source, parts.addresses)
  if (addresses.length === 0) return { status: STATUS.reservationRefused, reason: 'no_address' }
  // Nobody gets through: a client that were given a place, or more time in its own, would look for no other
  // relay. What is left of its own it keeps, since it hears of the end only when it asks.
  if (circuits.isUsedUp) return { status: STATUS.reservationRefused, reason: 'quota' }
  const verdict = await gate.judge({ kind: 'reserve', client: source, destination: null }, signal)
  if (!verdict.isAllowed) return { status: STATUS.permissionDenied, reason: verdict.reason }
  const client = classed(source, verdict)
  const taken = reservations.take(client)
  if (typeof taken === 'string') return { status: STATUS.reservationRefused, reason: taken }
  // It may have left while the policy was asked: its farewell was before its reservation.
  if (newestDirect(libp2p.getConnections(connection.remotePeer)) === null) {
    reservations.noteDisconnected(client.peerId)
  }
  events.reserved(client, taken.isRefresh)
  await tag(connection, parts)
  // Rounded down: what is promised ends no later than what is kept.
  const expireSeconds = BigInt(Math.floor(taken.expiresAtMs / 1_000))
  const voucher = { relay: libp2p.peerId, peer: connection.remotePeer, expireSeconds }
  return {
    type: HOP_TYPE.status,
    status: STATUS.ok,
    limit: wireLimit(limits, client.class === 'client'),
    reservation: {
      expireSeconds,
      addresses: addresses.map((address) => address.encapsulate(`/p2p/${libp2p.peerId}`).bytes),
      voucher: await sealVoucher(voucher, parts.privateKey),
    },
  }
}

async function tag({ remotePeer }: Connection, parts: HopParts): Promise<void> {
  const { libp2p, limits, logger } = parts
  const ttl = limits.reservations.ttlSeconds * 1_000
  try {
    await libp2p.peerStore.merge(remotePeer, { tags: { [TAG]: { value: 1, ttl } } })
  } catch (error) {
    logger.debug({ peer: remotePeer.toString(), error }, 'Relay client was not tagged')
  }
}
