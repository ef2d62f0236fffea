import type { RequestListener, Server } from 'node:http'
import type { Socket } from 'node:net'

/** Browsers, curl and proxies send a request when the one before it is answered. */
const MOST_UNANSWERED = 8

/**
 * Ends a socket on which more requests come than are answered. Node 24 reads all that came in one chunk, thousands
 * of short ones, before anything else has a turn.
 * @param server with the listener that answers its requests, and no other
 */
export function limitPipelining(server: Server): void {
  const [answer, ...others] = server.listeners('request')
  if (answer === undefined || others.length > 0) throw new Error('one listener is to be limited')
  server.removeAllListeners('request')
  server.on('request', withFewUnanswered(answer as RequestListener))
}

function withFewUnanswered(answer: RequestListener): RequestListener {
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
      socket.destroy()
      return
    }
    response.once('close', () => add(socket, -1))
    answer(request, response)
  }
}
