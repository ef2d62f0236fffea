import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Server as SecureServer } from 'node:https'

const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i

/**
 * How a server is made that hears of every request: Node 24 answers one without a Host itself, thousands of
 * them from one chunk, which no listener can count or end.
 */
export const EVERY_REQUEST = { requireHostHeader: false } as const

/** The rest of it: Node answers what is expected of it but `100-continue` itself, too. */
export function hearEveryRequest(server: Server | SecureServer): void {
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response)
  })
}

/** Answers as Node would have what Node would not have handed on; the rest goes to `listener`. */
export function asNodeAnswers(listener: RequestListener): RequestListener {
  return (request, response) => {
    const status = ownAnswer(request)
    if (status === null) listener(request, response)
    else response.writeHead(status, { connection: 'close', 'content-length': 0 }).end()
  }
}

function ownAnswer({ httpVersion, headers: { host, expect } }: IncomingMessage): number | null {
  if (httpVersion !== '1.1') return null
  if (host === undefined) return 400
  return expect === undefined || CONTINUE.test(expect) ? null : 417
}
