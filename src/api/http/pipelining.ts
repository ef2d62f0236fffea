import type { RequestListener, Server } from 'node:http'
import type { Socket } from 'node:net'

import type { Clock } from '../../lib/clock.ts'
import { asNodeAnswers, hearEveryRequest } from '../../lib/every-request.ts'
import { ShutOut } from '../../lib/shut-out.ts'
import { type AddressSet, callerKey } from './networks.ts'

/** Browsers, curl and proxies send a request when the one before it is answered. */
const MOST_UNANSWERED = 8
/** The chunk that went too far costs 50 ms, so that a caller who comes back at once is as bad. */
const SHUT_OUT_MS = 10_000
const SHUT_OUT_CALLERS = 4_096

export interface PipeliningOptions {
  /** Who is let in again at once. */
  readonly isExempt: AddressSet
  /** @default systemClock */
  readonly clock?: Pick<Clock, 'now'>
}

/**
 * Ends a socket on which more requests come than are answered. Node 24 reads all that came in one chunk, thousands
 * of short ones, before anything else has a turn. Its caller is not let in for a while.
 * @param server made with `EVERY_REQUEST`, with the listener that answers its requests and no other
 */
export function limitPipelining(server: Server, { isExempt, clock }: PipeliningOptions): void {
  const [answer, ...others] = server.listeners('request')
  if (answer === undefined || others.length > 0) throw new Error('one listener is to be limited')
  const shutOut = new ShutOut({ ms: SHUT_OUT_MS, limit: SHUT_OUT_CALLERS, clock })
  const onCut = ({ remoteAddress: address = '' }: Socket) => {
    if (!isExempt(address)) shutOut.add(callerKey(address))
  }
  server.removeAllListeners('request')
  server.on('request', withFewUnanswered(asNodeAnswers(answer as RequestListener), onCut))
  hearEveryRequest(server)
  server.prependListener('connection', (socket: Socket) => {
    if (shutOut.has(callerKey(socket.remoteAddress ?? ''))) socket.destroy()
  })
}

function withFewUnanswered(
  answer: RequestListener,
  onCut: (socket: Socket) => void,
): RequestListener {
  const unanswered = new WeakMap<Socket, number>()
  const add = (socket: Socket, change: number) => {
    const count = (unanswered.get(socket) ?? 0) + change
    unanswered.set(socket, count)
    return count
  }
  return (request, response) => {
    const { socket } = request
    // What is left of the chunk.
    if (socket.destroyed) return
    if (add(socket, 1) > MOST_UNANSWERED) {
      onCut(socket)
      socket.destroy()
      return
    }
    response.once('close', () => add(socket, -1))
    answer(request, response)
  }
}
