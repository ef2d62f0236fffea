/** How one dial ended, as metrics and backoff see it. */
export type DialOutcome =
  | 'ok'
  | 'timeout'
  | 'unreachable'
  | 'wrong-peer'
  | 'self'
  | 'denied'
  | 'unresolved'
  | 'not-a-station'
  | 'failed'

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EINVAL',
  'EPIPE',
  'ENOTFOUND',
])
const TIMED_OUT = new Set(['TimeoutError', 'AbortError', 'DeadlineError'])
const DENIED = new Set(['DialDeniedError', 'NoValidAddressesError', 'ConnectionInterceptedError'])

/**
 * libp2p 3.3.11 replaces noise's UnexpectedPeerError by an EncryptionFailedError that keeps only the
 * message; remove this when the upgrader passes a cause or the error itself.
 */
const WRONG_PEER = /identity key .* does not match expected/

/** Sorts what a failed dial threw; with several addresses, the most telling failure counts. */
export function classifyDialError(error: unknown): DialOutcome {
  const outcomes = new Set(flatten(error).map(classifyOne))
  const order: readonly DialOutcome[] = [
    'self',
    'wrong-peer',
    'unresolved',
    'failed',
    'unreachable',
    'timeout',
    'denied',
  ]
  return order.find((outcome) => outcomes.has(outcome)) ?? 'failed'
}

/** One line for status and debug logs; still to be escaped, a remote can shape parts of it. */
export function describeDialError(error: unknown): string {
  const lines = flatten(error).map((one) => one.message || one.name)
  return [...new Set(lines)].slice(0, 3).join('; ') || 'unknown failure'
}

/** Thrown by our own steps before a dial, with the outcome decided already. */
export class DialRefusal extends Error {
  override readonly name = 'DialRefusal'
  readonly code: DialOutcome

  constructor(code: DialOutcome, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.code = code
  }
}

function classifyOne(error: Error): DialOutcome {
  if (error instanceof DialRefusal) return error.code
  if (error.name === 'UnexpectedPeerError' || WRONG_PEER.test(error.message)) return 'wrong-peer'
  if (error.name === 'InvalidPeerIdError') return 'self'
  if (DENIED.has(error.name)) return 'denied'
  if (TIMED_OUT.has(error.name)) return 'timeout'
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code === 'ETIMEDOUT') return 'timeout'
  return UNREACHABLE.has(code) ? 'unreachable' : 'failed'
}

function flatten(error: unknown, depth = 0): Error[] {
  if (error instanceof AggregateError && depth < 3) {
    return error.errors.slice(0, 16).flatMap((one) => flatten(one, depth + 1))
  }
  return [error instanceof Error ? error : new Error(String(error))]
}
