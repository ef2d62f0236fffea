export type NetworkErrorCode =
  | 'PORT_IN_USE'
  | 'LISTEN_FAILED'
  | 'BAD_ADDRESS'
  | 'NOT_STARTED'
  | 'NOT_CONNECTED'
  | 'STREAM_REFUSED'
  | 'STREAM_RESET'
  | 'STREAM_TIMEOUT'
  | 'LIBRARY_CHANGED'

/** What went wrong, as values a log line or a message can use. */
export type NetworkErrorFacts = Readonly<Record<string, string | number | boolean | null>>

/** Every failure that leaves `network/`, told apart by `code`. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError'
  readonly code: NetworkErrorCode
  readonly facts: NetworkErrorFacts

  constructor(
    code: NetworkErrorCode,
    message: string,
    facts: NetworkErrorFacts = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.facts = facts
  }
}

/**
 * Reaches for a member that a library has but does not type. A hook that silently did nothing would
 * leave a hole open, so a release that moved the member stops the start instead.
 * @throws NetworkError LIBRARY_CHANGED
 */
export function libraryMember<T>(
  owner: object,
  member: string,
  isExpected: (value: unknown) => value is T,
): T {
  const value: unknown = Reflect.get(owner, member)
  if (isExpected(value)) return value
  const name = owner.constructor.name
  throw new NetworkError('LIBRARY_CHANGED', `${name} has no usable member "${member}"`, {
    owner: name,
    member,
  })
}

// biome-ignore lint/complexity/noBannedTypes: the shape of an untyped library member is all that is known
export function isFunction(value: unknown): value is Function {
  return typeof value === 'function'
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

export function isMap(value: unknown): value is Map<unknown, unknown> {
  return value instanceof Map
}
