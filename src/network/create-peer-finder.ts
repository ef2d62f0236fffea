import type { Peer } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'

import type { Clock } from '../lib/clock.ts'
import { escapeRemote } from '../lib/text.ts'
import type { AnnounceAddress } from './addresses.ts'
import type { Host } from './host.ts'
import { PeerFinder } from './peer-finder.ts'
import { type TellableOptions, tellableAddresses, tellableOptions } from './tellable.ts'
import type { KnownPeer } from './types.ts'

const LIMIT_PROTOCOLS = 64
const LIMIT_PROTOCOL_CHARACTERS = 128

/** The finder of one host. */
export function createPeerFinder(
  { announce }: { readonly announce: readonly AnnounceAddress[] },
  { host, clock }: { readonly host: Host; readonly clock: Clock },
): PeerFinder {
  const { dht } = host
  return new PeerFinder(
    {},
    {
      known: (peerId) => knownPeer(host, peerId, announce, clock.now()),
      walk:
        dht === null
          ? null
          : async (peerId, signal) => (await dht.findPeer(peerId, signal))?.addresses ?? [],
      tellable: (peerId, addresses) =>
        tellableAddresses(peerId, addresses, tellableBy(host, announce)),
      clock,
    },
  )
}

/** What this node knows of a peer without asking anybody; its certified addresses alone, where it gave such. */
async function knownPeer(
  host: Host,
  peerId: string,
  announce: readonly AnnounceAddress[],
  nowMs: number,
): Promise<KnownPeer> {
  const isSelf = peerId === host.peerId
  const peer = isSelf
    ? null
    : await host.libp2p.peerStore.get(peerIdFromString(peerId)).catch((): null => null)
  const addresses = isSelf ? host.announceAddresses() : addressesOf(peer)
  return {
    peerId,
    addresses: tellableAddresses(peerId, addresses, tellableBy(host, announce)),
    protocols: (isSelf ? host.libp2p.getProtocols() : (peer?.protocols ?? []))
      // One for each log, of which those who look for a peer know nothing.
      .filter((protocol) => !protocol.startsWith('/orbitdb/'))
      .slice(0, LIMIT_PROTOCOLS)
      .map((protocol) => escapeRemote(protocol, LIMIT_PROTOCOL_CHARACTERS)),
    foundAtMs: nowMs,
  }
}

function addressesOf(peer: Peer | null) {
  const all = peer?.addresses ?? []
  const certified = all.filter(({ isCertified }) => isCertified)
  return (certified.length > 0 ? certified : all).map(({ multiaddr }) => multiaddr)
}

function tellableBy({ dialPolicy }: Host, announce: readonly AnnounceAddress[]): TellableOptions {
  return tellableOptions(announce, { isLoopbackTold: dialPolicy.isLoopbackWanted })
}
