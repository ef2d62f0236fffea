import type { Host } from '../host.ts'
import type { NetworkComponents, NetworkOptions } from '../network-options.ts'
import type { RelayMembers } from './policy/types.ts'
import { Relay } from './relay.ts'

/** Where no registry is at hand, all are strangers. */
const NO_MEMBERS: RelayMembers = {
  isReady: true,
  isMember: () => false,
  isTrusted: () => false,
  isRevoked: () => false,
}

/** The relay of a host, not started; null when this node is none. */
export function createRelay(
  { relay, limits }: Pick<NetworkOptions, 'relay' | 'limits'>,
  components: NetworkComponents & { readonly host: Host },
): Relay | null {
  if (relay === null) return null
  const { host, identity, logger, metrics, clock, relayMembers = NO_MEMBERS } = components
  return new Relay(relay, limits.relay, {
    libp2p: host.libp2p,
    privateKey: identity.privateKey,
    addresses: host.addresses,
    members: relayMembers,
    standing: host.standing,
    strangers: host,
    logger: logger.child('relay'),
    metrics,
    clock,
  })
}
