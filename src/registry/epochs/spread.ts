import { createHash } from 'node:crypto'

/**
 * A share of a span of time, 0 up to 1, that is another for every name: stations that all begin with
 * the same moment spread over the span, and a restart changes nothing.
 */
export function shareOf(...names: readonly (string | number)[]): number {
  return createHash('sha256').update(names.join('\n')).digest().readUInt32BE(0) / 2 ** 32
}
