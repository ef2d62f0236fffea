import { Entry, type OrbitIdentity } from '@orbitdb/core'

import { MAX_ENTRY_BYTES, MAX_NEXT } from '../constants.ts'
import { RegistryError } from '../errors.ts'
import { encodeValue } from './entry-codec.ts'
import type { EntryPayload } from './entry-rules.ts'

export interface OwnEntryContext {
  readonly identity: OrbitIdentity
  /** `/orbitdb/<cid>` of the log */
  readonly address: string
  readonly clock: { readonly id: string; readonly time: number }
  /** The latest heads, at most `limit`. */
  heads(limit: number): string[]
}

/**
 * A signed entry of our own that links at most 32 heads, fewer when the record is large.
 * @returns its bytes; more than 8 KiB when even one link is too many.
 */
export async function encodeOwnEntry(
  payload: EntryPayload,
  { identity, address, clock, heads }: OwnEntryContext,
): Promise<Uint8Array> {
  let bytes: Uint8Array = new Uint8Array()
  for (let links = MAX_NEXT; links >= 1; links = links > 4 ? links / 2 : links - 1) {
    const next = heads(links)
    const entry = await Entry.create(identity, address, payload, undefined, clock, next, [])
    bytes = encodeValue(entry)
    if (bytes.length <= MAX_ENTRY_BYTES) break
  }
  return bytes
}

/** What to tell whoever wrote a record that makes no entry. */
export function refusalOf(reason: string, payload: EntryPayload, bytes: number): RegistryError {
  if (reason !== 'too-large') {
    return new RegistryError('INVALID_RECORD', `the record breaks the entry rule "${reason}"`)
  }
  const field = largestField(payload.value)
  const message = `the record makes an entry of ${bytes} bytes, at most ${MAX_ENTRY_BYTES} are allowed; its largest field is ${field}`
  return new RegistryError('TOO_LARGE', message, { field })
}

function largestField(value: EntryPayload['value']): string {
  const sizes = Object.entries(value ?? {}).map(([field, item]): [string, number] => [
    field,
    JSON.stringify(item)?.length ?? 0,
  ])
  return sizes.sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'record'
}
