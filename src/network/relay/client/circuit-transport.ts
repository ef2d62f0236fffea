import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import type { Connection, PeerId, Stream, Transport } from '@libp2p/interface'

import { isFunction, isObject, libraryMember } from '../../errors.ts'
import { guardAnswer, guardNegotiation } from '../../guards/endless-lengths.ts'
import { HANDSHAKE_ANSWERS, limitedUpgrader } from '../../guards/handshake-proposals.ts'
import { boundRequest } from '../../guards/request-bytes.ts'
import { replacing } from '../../replacing.ts'
import { mostCircuitsToOne } from '../client-class.ts'
import type { RelayLimits } from '../types.ts'

/** Who wants to reach us, and the limits of the circuit; a relay of ours sends some 60 bytes. */
const MAX_STOP_BYTES = 1_024
/** Whether a relay lets us through; what comes with it is the first word of who is behind it. */
const MAX_ANSWER_BYTES = 1_024

type Components = Parameters<ReturnType<typeof circuitRelayTransport>>[0]

interface LibraryReservations {
  hasReservation: (peer: PeerId) => boolean
}

/**
 * The library's transport for circuits: it dials them and takes those that a relay brings. Reservations
 * are not its own here, see `relay-client.ts`.
 *
 * Whoever brings a circuit without a reservation that the transport knows of makes it listen there, which
 * any peer could do to us (circuit-relay-v2 4.2.13, `onStop`). It is told that there is one; the gater's
 * `denyInboundRelayedConnection` knows better. Remove when reservations can be handed in.
 *
 * What says who comes is read whole and all its addresses parsed, whoever sends it and however much: here it is
 * bounded, and so is what a relay answers when we want to reach somebody. Who was refused is listened to on, up to 4 MiB a
 * stream: here no longer. Remove when the library bounds them.
 *
 * A circuit for which its relay names no limit is one with limits here all the same: the library would take
 * it for a connection like any other, run gossip over it and dial no direct one (libp2p 3.3).
 * @param limits what relays like this node lead to one peer at a time, it takes of one relay
 * @param onExceeded told of each circuit that is ended for what it proposes
 */
export function circuitTransport(
  limits: RelayLimits,
  onExceeded: () => void,
): (components: Components) => Transport {
  // libp2p 3.3 counts the stream on which a circuit is brought for as long as the circuit lasts.
  const create = circuitRelayTransport({ maxInboundStopStreams: mostCircuitsToOne(limits) })
  return (components) => {
    const upgrader = limiting(components.upgrader, onExceeded)
    const connectionManager = boundingAnswers(components.connectionManager)
    const transport = create(replacing(components, { upgrader, connectionManager }))
    const reservations = libraryMember(transport, 'reservationStore', isReservations)
    reservations.hasReservation = () => true
    const onStop = libraryMember(transport, 'onStop', isFunction)
    Reflect.set(transport, 'onStop', async (stream: Stream, ...rest: unknown[]): Promise<void> => {
      guardNegotiation(stream)
      boundRequest(stream, MAX_STOP_BYTES)
      await Reflect.apply(onStop, transport, [stream, ...rest])
      // A refusal was the last word; a circuit goes on.
      if (stream.writeStatus !== 'writable') await stream.closeRead()
    })
    return transport
  }
}

type Upgrader = Components['upgrader']

function limiting(upgrader: Upgrader, onExceeded: () => void): Upgrader {
  const bounded = limitedUpgrader(upgrader, HANDSHAKE_ANSWERS, onExceeded)
  const upgradeInbound: Upgrader['upgradeInbound'] = (connection, options) =>
    bounded.upgradeInbound(connection, { ...options, limits: options?.limits ?? {} })
  const upgradeOutbound: Upgrader['upgradeOutbound'] = (connection, options) => {
    guardNegotiation(connection)
    return upgrader.upgradeOutbound(connection, { ...options, limits: options?.limits ?? {} })
  }
  return replacing(upgrader, { upgradeInbound, upgradeOutbound })
}

type ConnectionManager = Components['connectionManager']

function boundingAnswers(manager: ConnectionManager): ConnectionManager {
  const bounding = (connection: Connection): Connection => {
    const newStream: Connection['newStream'] = async (protocols, options) => {
      const stream = await connection.newStream(protocols, options)
      guardAnswer(stream, MAX_ANSWER_BYTES)
      return stream
    }
    return replacing(connection, { newStream })
  }
  return replacing(manager, {
    getConnections: (peer) => manager.getConnections(peer).map(bounding),
    openConnection: async (peer, options) => bounding(await manager.openConnection(peer, options)),
  })
}

function isReservations(value: unknown): value is LibraryReservations {
  return isObject(value) && isFunction(Reflect.get(value, 'hasReservation'))
}
