import { publicKeyFromProtobuf } from '@libp2p/crypto/keys'

import { isFunction, isObject, libraryMember } from '../errors.ts'

/** Any key, to get hold of what all of its type share. */
const SAMPLE = Buffer.from(
  'CAASXjBcMA0GCSqGSIb3DQEBAQUAA0sAMEgCQQClNwmary+VTCY9UTgAqRVI7vuCwR4hLDv0LOLXX+m9U6ZJJIODDuttWL0JIKfzK1LLzBS1oroTzOlXF60OkZgxAgMBAAE=',
  'base64',
)
/** Keys are made with 65537, a few with 3. */
const EXPONENT_BYTES = 4

const bounded = new WeakSet<object>()

/**
 * Lets no signature hold of an RSA key with a long exponent. @libp2p/crypto 5.1 takes one as long as the key, and checks
 * a signature in one go: 7 ms where 0.2 are usual, twice for whoever connects, before and after it is known who that is.
 * Can go when the library bounds it. Callable twice.
 * @throws NetworkError LIBRARY_CHANGED
 */
export function boundRsaKeys(): void {
  const shared: object = Object.getPrototypeOf(publicKeyFromProtobuf(SAMPLE))
  if (bounded.has(shared)) return
  const verify = libraryMember(shared, 'verify', isFunction)
  bounded.add(shared)
  Reflect.set(shared, 'verify', function (this: object, ...args: unknown[]): unknown {
    const exponent: unknown = Reflect.get(libraryMember(this, 'jwk', isObject), 'e')
    if (Buffer.from(String(exponent), 'base64url').byteLength > EXPONENT_BYTES) return false
    return Reflect.apply(verify, this, args)
  })
}
