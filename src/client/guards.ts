import { boundAddressValues } from '../wire/address-values.ts'
import { ClientError } from './errors.ts'

const refusal = (reason: string) => new ClientError('MALFORMED', reason)

/** For all that reads addresses in this page. Callable twice. */
export function guardAddresses(): void {
  boundAddressValues((_code, message) => refusal(message))
}
