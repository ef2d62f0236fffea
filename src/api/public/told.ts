import { PROTOCOL_VERSION } from '../../wire/signed-bootstrap.ts'
import { PublicError } from './errors.ts'

const NETWORK = /^[a-z0-9-]{1,64}$/

/**
 * Whether a client that says what it is of (`?network=`, `?protocol=`) is right here.
 * @returns the reason why it is not, as the answer; null when it is, or does not say
 */
export function otherNetwork(
  query: Readonly<Record<string, unknown>>,
  networkName: string,
): PublicError | null {
  const { network, protocol } = query
  const facts = { network: networkName, protocol: PROTOCOL_VERSION }
  if (network !== undefined && network !== networkName) {
    const named = typeof network === 'string' && NETWORK.test(network) ? network : 'another one'
    const sentence = `this node is of the network ${networkName}, not of ${named}`
    return new PublicError('OTHER_NETWORK', sentence, { facts })
  }
  if (protocol !== undefined && protocol !== String(PROTOCOL_VERSION)) {
    const isOlder = Number(protocol) < PROTOCOL_VERSION
    const advice = isOlder ? 'the client needs an update' : 'this node needs an update'
    const sentence = `this network speaks version ${PROTOCOL_VERSION} of its protocols: ${advice}`
    return new PublicError('OTHER_PROTOCOL', sentence, { facts })
  }
  return null
}
