import type { MultiaddrConnection, Transport, Upgrader } from '@libp2p/interface'

import { NetworkError } from '../errors.ts'
import { guardNegotiation } from './endless-lengths.ts'

/** Messages to a peer that has not said who it is: noise takes one, each protocol it proposes another. */
export const HANDSHAKE_ANSWERS = 16

/**
 * Ends handshakes in which protocols are proposed without end, or behind a length that has none. libp2p 3.3
 * answers every one that is not spoken, hundreds of thousands in the five seconds a handshake has, from anybody.
 * Can go when @libp2p/multistream-select counts them.
 */
export function withProposalLimit<C>(
  factory: (components: C) => Transport,
  limitAnswers: number,
  onExceeded: () => void,
): (components: C) => Transport {
  return (components) => {
    const transport = factory(components)
    const dial = transport.dial.bind(transport)
    transport.dial = (address, options) =>
      dial(address, { ...options, upgrader: guardedOutbound(options.upgrader) })
    const createListener = transport.createListener.bind(transport)
    transport.createListener = (options) => {
      const upgrader = limitedUpgrader(options.upgrader, limitAnswers, onExceeded)
      return createListener({ ...options, upgrader })
    }
    return transport
  }
}

/** An upgrader that bounds what is said before the other end of what comes in is known. */
export function limitedUpgrader(
  upgrader: Upgrader,
  limitAnswers: number,
  onExceeded: () => void,
): Upgrader {
  const upgradeInbound: Upgrader['upgradeInbound'] = async (connection, options) => {
    guardNegotiation(connection)
    const release = watch(connection, limitAnswers, onExceeded)
    try {
      await upgrader.upgradeInbound(connection, options)
    } finally {
      release()
    }
  }
  return Object.create(upgrader, { upgradeInbound: { value: upgradeInbound } })
}

function guardedOutbound(upgrader: Upgrader): Upgrader {
  const upgradeOutbound: Upgrader['upgradeOutbound'] = (connection, options) => {
    guardNegotiation(connection)
    return upgrader.upgradeOutbound(connection, options)
  }
  return Object.create(upgrader, { upgradeOutbound: { value: upgradeOutbound } })
}

/** @returns ends the watch */
function watch(
  connection: MultiaddrConnection,
  limitAnswers: number,
  onExceeded: () => void,
): () => void {
  const send = connection.send.bind(connection)
  let answers = 0
  const counted: MultiaddrConnection['send'] = (data) => {
    answers += 1
    if (answers > limitAnswers && connection.status === 'open') {
      onExceeded()
      connection.abort(new NetworkError('STREAM_REFUSED', 'too many protocols were proposed'))
    }
    return send(data)
  }
  connection.send = counted
  // The library's own method shows again, unless another guard is before it.
  return () => {
    if (connection.send === counted) Reflect.deleteProperty(connection, 'send')
  }
}
