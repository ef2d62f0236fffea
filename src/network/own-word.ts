import type { IdentifyResult } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'

import type { Logger } from '../telemetry/index.ts'
import type { DialPolicy } from './dial-policy.ts'
import { addressText } from './dialer/dial-address.ts'
import type { AddressQuota } from './guards/address-quota.ts'
import type { HostLibp2p } from './host-libp2p.ts'

export interface OwnWordComponents {
  readonly libp2p: Pick<HostLibp2p, 'addEventListener' | 'peerStore'>
  readonly addressQuota: AddressQuota
  readonly dialPolicy: DialPolicy
  readonly logger: Logger
}

/** Addresses of one identify: far more than a peer has places for, and a message can have a thousand. */
const LOOKED_AT = 32

/**
 * What a peer tells of itself counts more than what others told of it: with each identify its own
 * addresses take the few places that a peer has in the peer store. Lives as long as libp2p.
 */
export function keepOwnWord(components: OwnWordComponents): void {
  components.libp2p.addEventListener('peer:identify', ({ detail }) => {
    const { peerId } = detail
    keep(components, detail).catch((error: unknown) => {
      const peer = peerId.toString()
      components.logger.debug({ peer, error }, 'Addresses of a peer not kept')
    })
  })
}

async function keep(
  { libp2p, addressQuota, dialPolicy }: OwnWordComponents,
  { peerId, listenAddrs, signedPeerRecord }: IdentifyResult,
): Promise<void> {
  const told = signedPeerRecord?.addresses ?? listenAddrs
  const looked = told.slice(0, LOOKED_AT)
  const dialable = looked
    .filter((address) => addressText(address) !== null && dialPolicy.isDialable(address, 'dht'))
    .map(String)
  const kept = addressQuota.claim(peerId.toString(), dialable)
  if (kept === null) return
  const isCertified = signedPeerRecord !== undefined
  await libp2p.peerStore.patch(peerId, {
    addresses: kept.map((address) => ({ multiaddr: multiaddr(address), isCertified })),
  })
}
