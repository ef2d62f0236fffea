import { boundAddressValues } from '../../wire/address-values.ts'
import { NetworkError } from '../errors.ts'

/**
 * Refuses addresses with values that cost too much to read, or cannot be written again: see `boundAddressValues`, which
 * pages use too. Can go with it. Callable twice.
 * @throws NetworkError LIBRARY_CHANGED
 */
export function boundMultiaddrValues(): void {
  boundAddressValues((code, message, facts) => new NetworkError(code, message, facts))
}
