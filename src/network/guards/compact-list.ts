import { appendCompactly } from '../../wire/compact-list.ts'
import { isFunction, libraryMember } from '../errors.ts'

type Bytes = Uint8Array | Iterable<Uint8Array>

/**
 * Joins the short chunks that a list is given, and lets go of what they came in: see `appendCompactly`, which pages use
 * too. Can go with it.
 * @param list a Uint8ArrayList
 * @throws NetworkError LIBRARY_CHANGED
 */
export function keepCompact(list: object): void {
  const append = libraryMember(list, 'append', isFunction)
  const chunksOf = () => libraryMember(list, 'bufs', isChunks)
  chunksOf()
  Reflect.set(list, 'append', (...added: readonly Bytes[]) => {
    appendCompactly(added, (chunk) => Reflect.apply(append, list, [chunk]), chunksOf)
  })
}

function isChunks(value: unknown): value is Uint8Array[] {
  return Array.isArray(value)
}
