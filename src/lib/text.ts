import { Buffer } from 'node:buffer'

// Controls, format characters (bidirectional overrides, zero widths, tags) and line separators: all
// that can forge a log line, move a terminal's cursor or reorder what is read.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** Makes text that a remote wrote fit for a log line or a terminal: escaped, at most `limit` characters. */
export function escapeRemote(text: string, limit = 128): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text
  return cut.replace(UNSAFE, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`)
}

/**
 * The same ASCII text in one piece. V8 keeps what was put together character by character, such as base58,
 * as a rope: a name of 49 characters takes 1.3 KB for as long as it is kept, and 120 bytes when it is flat.
 */
export function flat(ascii: string): string {
  return Buffer.from(ascii, 'latin1').toString('latin1')
}
