import type { BootstrapProblem } from './types.ts'

const HANDSHAKE_ERRORS = new Set([
  'EncryptionFailedError',
  'MuxerUnavailableError',
  'UnexpectedEOFError',
  'InvalidMessageError',
  'UnsupportedProtocolError',
])

/** The peer does not speak the protocol that a stream was opened for. */
export function isUnsupported(error: unknown): boolean {
  return error instanceof Error && error.name === 'UnsupportedProtocolError'
}

/** A WebSocket that cannot be opened is told of by an event of the browser, which is no error. */
export function problemOf(error: unknown): BootstrapProblem {
  const errors = error instanceof AggregateError ? error.errors : [error]
  const names = errors.map((one) => (one instanceof Error ? one.name : ''))
  const isHandshake = names.some((name) => HANDSHAKE_ERRORS.has(name))
  return isHandshake ? 'handshake' : 'unreachable'
}
