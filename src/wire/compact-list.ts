/** Up to here nothing is joined, and a list of honest bytes has hardly more. */
const LOOSE_CHUNKS = 64
/** So few bytes are copied whatever they came in: to look at that costs more. */
const SCRAP_BYTES = 64
/** Longer ones are left as they are. */
const BLOCK_BYTES = 4_096

type Bytes = Uint8Array | Iterable<Uint8Array>

/**
 * Appends to a list of chunks so that it stays one of few, and lets go of what short ones came in: a frame of some
 * bytes is a view of 64 KiB, which would stay for as long as it waits. uint8arraylist 2.4 and 3.0 take chunks off the
 * front of a list one by one, and each moves all that follow: a frame of 96 KiB that came byte by byte took 14 s to
 * read. Can go when `consume` takes them all at once and decoders join what they gather.
 * @param append adds one to the list as it does by itself
 * @param chunksOf the list: another one when all was taken
 */
export function appendCompactly(
  added: readonly Bytes[],
  append: (chunk: Uint8Array) => void,
  chunksOf: () => Uint8Array[],
): void {
  for (const bytes of added) {
    for (const chunk of bytes instanceof Uint8Array ? [bytes] : bytes) {
      if (chunk.byteLength === 0) continue
      append(isScrap(chunk) ? new Uint8Array(chunk) : chunk)
      joinLast(chunksOf())
    }
  }
}

/**
 * A chunk is joined with all that follow it unless it is more than twice as long: so a byte is copied some tens
 * of times at most, and chunks that stay apart are long, or each less than half of the one before.
 */
function joinLast(chunks: Uint8Array[]): void {
  if (chunks.length <= LOOSE_CHUNKS) return
  let from = chunks.length - 1
  let bytes = chunks[from]?.byteLength ?? 0
  for (; from > 0; from -= 1) {
    const length = chunks[from - 1]?.byteLength ?? 0
    if (length > 2 * bytes || length + bytes > BLOCK_BYTES) break
    bytes += length
  }
  if (from === chunks.length - 1) return
  const joined = new Uint8Array(bytes)
  let offset = 0
  for (const chunk of chunks.splice(from)) {
    joined.set(chunk, offset)
    offset += chunk.byteLength
  }
  chunks.push(joined)
}

/** Whether it is short, and a small part of what it keeps in memory. */
function isScrap(chunk: Uint8Array): boolean {
  const { byteLength } = chunk
  if (byteLength <= SCRAP_BYTES) return true
  return byteLength < BLOCK_BYTES && chunk.buffer.byteLength > 2 * byteLength
}
