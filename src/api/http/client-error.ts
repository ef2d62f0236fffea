import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

import { HTTP_ERRORS, type HttpErrorCode } from '../errors.ts'
import { SECURITY_HEADERS } from './security-headers.ts'

const CODES: Readonly<Record<string, HttpErrorCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
}

const ANSWERS: Partial<Record<HttpErrorCode, { phrase: string; sentence: string }>> = {
  REQUEST_TIMEOUT: { phrase: 'Request Timeout', sentence: 'the request took too long to arrive' },
  HEADERS_TOO_LARGE: {
    phrase: 'Request Header Fields Too Large',
    sentence: 'the request headers are too large',
  },
  INVALID_REQUEST: { phrase: 'Bad Request', sentence: 'this is not a valid HTTP request' },
}

/** For the answer to leave; it is a few hundred bytes. */
const ANSWER_MS = 1_000

/**
 * Answers what never became a request: bytes that are no HTTP, headers beyond the limit, a client too
 * slow. The socket is closed: what follows on it cannot be trusted to be the start of a request.
 * @returns the code that was answered; null when the socket was gone or has no TLS yet.
 */
export function answerClientError(
  error: Error & { readonly code?: string },
  socket: Socket,
): HttpErrorCode | null {
  if (error.code === 'ECONNRESET' || !canAnswer(socket)) {
    socket.destroy()
    return null
  }
  const code = CODES[error.code ?? ''] ?? 'INVALID_REQUEST'
  const { phrase, sentence } = ANSWERS[code] ?? { phrase: 'Error', sentence: code }
  const body = JSON.stringify({ error: sentence, code })
  const head = [
    `HTTP/1.1 ${HTTP_ERRORS[code]} ${phrase}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...Object.entries(SECURITY_HEADERS).map(([name, value]) => `${name}: ${value}`),
  ]
  const cut = setTimeout(() => socket.destroy(), ANSWER_MS)
  socket.once('close', () => clearTimeout(cut))
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
  return code
}

/** In a TLS handshake an answer would wait for ever, and its socket with it. */
function canAnswer(socket: Socket): boolean {
  if (socket.destroyed || !socket.writable) return false
  return !(socket instanceof TLSSocket) || socket.getPeerFinished() !== undefined
}
