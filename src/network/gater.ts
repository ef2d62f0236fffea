import { lookup } from 'node:dns/promises'
import type { ConnectionGater, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

import { withDeadline } from '../lib/deadline.ts'
import { targetOf } from './address-class.ts'
import { NAME_CHECK_DEADLINE_MS } from './constants.ts'
import type { DialPermits } from './dial-permits.ts'
import type { DialPolicy } from './dial-policy.ts'
import type { AddressQuota } from './guards/address-quota.ts'
import type { InboundCaps } from './guards/inbound-caps.ts'
import type { NetworkMetrics } from './metrics.ts'
import type { PeerPenalties } from './penalties.ts'

/** Resolves a name to its IPs; throws when it has none. */
export type LookupName = (name: string) => Promise<readonly string[]>

export interface GaterComponents {
  readonly peerId: string
  readonly dialPolicy: DialPolicy
  /** What the dialer is dialling now; nobody else dials. */
  readonly dialPermits: DialPermits
  readonly inboundCaps: InboundCaps
  readonly addressQuota: AddressQuota
  readonly penalties: Pick<PeerPenalties, 'isShunned'>
  readonly metrics: NetworkMetrics
  /** Whether this node holds a reservation with a peer. @default with nobody */
  readonly isOwnRelay?: (peerId: string) => boolean
  /** @default the system's resolver */
  readonly lookupName?: LookupName
}

const systemLookup: LookupName = async (name) => {
  const found = await lookup(name, { all: true })
  return found.map(({ address }) => address)
}

/**
 * The rules as libp2p asks for them. Members are arrow functions because libp2p calls
 * `filterMultiaddrForPeer` without its object.
 */
export function createGater(components: GaterComponents): ConnectionGater {
  const { peerId: self, dialPolicy, dialPermits, inboundCaps, addressQuota, metrics } = components
  const isShunned = (peer: PeerId) => components.penalties.isShunned(peer.toString())
  const lookupName = components.lookupName ?? systemLookup

  const dialRefusalOf = (peer: PeerId): string | null => {
    const id = peer.toString()
    if (id === self) return 'own'
    if (isShunned(peer)) return 'shunned'
    return dialPermits.allowsPeer(id) ? null : 'not-by-dialer'
  }

  const refusalOf = async (address: Multiaddr): Promise<string | null> => {
    if (!dialPermits.allowsAddress(address)) return 'not-by-dialer'
    const refusal = dialPolicy.refusalOf(address, 'dht')
    if (refusal !== null || dialPolicy.isOperatorAddress(address)) return refusal
    const target = targetOf(address)
    // dnsaddr is resolved before: libp2p asks again about each result.
    if (target?.kind !== 'name') return null
    try {
      const ips = await withDeadline(() => lookupName(target.host), {
        ms: NAME_CHECK_DEADLINE_MS,
        label: 'looking up a name',
      })
      const refusals = ips.map((ip) => dialPolicy.refusalOfResolved(ip, target.port))
      return ips.length === 0 ? 'unresolved' : (refusals.find((found) => found !== null) ?? null)
    } catch {
      return 'unresolved'
    }
  }

  return {
    denyDialPeer: (peer) => {
      const refusal = dialRefusalOf(peer)
      if (refusal !== null) metrics.dialRefused(refusal)
      return refusal !== null
    },
    denyDialMultiaddr: async (address) => {
      const refusal = await refusalOf(address)
      if (refusal !== null) metrics.dialRefused(refusal)
      return refusal !== null
    },
    denyInboundConnection: (connection) => {
      const cap = inboundCaps.admit(connection)
      if (cap !== null) metrics.inboundRefused(cap)
      return cap !== null
    },
    denyInboundEncryptedConnection: (peer) => {
      if (!isShunned(peer)) return false
      metrics.inboundRefused('shunned')
      return true
    },
    denyInboundRelayedConnection: (relay, remote) => {
      const isAsked = components.isOwnRelay?.(relay.toString()) ?? false
      const cap = isAsked ? (isShunned(remote) ? 'shunned' : null) : 'not-our-relay'
      if (cap !== null) metrics.inboundRefused(cap)
      return cap !== null
    },
    // An address that was dialled without knowing whose it is.
    denyOutboundEncryptedConnection: (peer) => isShunned(peer),
    filterMultiaddrForPeer: (peer, address) => {
      const id = peer.toString()
      if (id === self) return true
      return dialPolicy.isDialable(address, 'dht') && addressQuota.admit(id, address.toString())
    },
  }
}
