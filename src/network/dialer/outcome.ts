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
  | 'not-upgraded'
  | 'crowded'
  | 'paced'
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
const WRONG_PEER = /identity key (\w*).*does not match expected/

/**
 * Failures that the libraries tell in words of their own: libp2p 3.3.11, @chainsafe/libp2p-noise 17,
 * @libp2p/multistream-select 7. The first that fits is told; no decision hangs on these.
 */
const PLAIN_WORDS: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [WRONG_PEER, ([, found = '']) => `another peer answers there: ${found}`],
  [
    /Message length (length )?too long|Invalid (nonce|data)|not a multistream|unexpected (end of input|EOF)|encryption failed|protocol selection failed/i,
    () => 'no libp2p answer: the network key differs, or another program listens there',
  ],
  [
    /aborted due to timeout/i,
    () => 'no answer in time: it is overloaded, or only one side has a network key',
  ],
  [
    /(?:connect|read|write) (E[A-Z]+)/,
    ([, code = '']) => CONNECT_WORDS[code] ?? `the connection failed (${code})`,
  ],
]

const CONNECT_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nothing listens there (ECONNREFUSED)',
  EHOSTUNREACH: 'no route to that host (EHOSTUNREACH)',
  ENETUNREACH: 'no route to that network (ENETUNREACH)',
  ETIMEDOUT: 'no answer (ETIMEDOUT)',
  ECONNRESET: 'the other side hung up: it is full, or has another network key (ECONNRESET)',
}

/** Sorts what a failed dial threw; with several addresses, the most telling failure counts. */
export function classifyDialError(error: unknown): DialOutcome {
  const outcomes = new Set(flatten(error).map(classifyOne))
  const order: readonly DialOutcome[] = [
    'self',
    'wrong-peer',
    'not-upgraded',
    'crowded',
    'unresolved',
    'failed',
    'unreachable',
    'timeout',
    'denied',
    'paced',
  ]
  return order.find((outcome) => outcomes.has(outcome)) ?? 'failed'
}

/** One line for status and debug logs; still to be escaped, a remote can shape parts of it. */
export function describeDialError(error: unknown): string {
  const lines = flatten(error).map(describeOne)
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

function describeOne({ message, name }: Error): string {
  for (const [pattern, words] of PLAIN_WORDS) {
    const match = pattern.exec(message)
    if (match !== null) return words(match)
  }
  return message || name
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
