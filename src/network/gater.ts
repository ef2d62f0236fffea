import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

import { withDeadline } from '../lib/deadline.ts'
import { targetOf } from './address-class.ts'
import { isWebRtc } from './addresses.ts'
import { NAME_CHECK_DEADLINE_MS } from './constants.ts'
import type { DialPermits } from './dial-permits.ts'
import type { DialPolicy } from './dial-policy.ts'
import { addressText } from './dialer/dial-address.ts'
import type { LookupName } from './dialer/judged-lookup.ts'
import type { AddressQuota } from './guards/address-quota.ts'
import type { ArrivalRate } from './guards/arrival-rate.ts'
import type { Exemptions } from './guards/exempt-networks.ts'
import type { HandshakeTurns } from './guards/handshake-turns.ts'
import type { Handshakes } from './guards/handshakes.ts'
import type { InboundCaps } from './guards/inbound-caps.ts'
import type { Places } from './guards/places.ts'
import { sourceOf } from './guards/source.ts'
import type { NetworkMetrics } from './metrics.ts'
import type { Bans } from './penalties/bans.ts'

export interface GaterComponents {
  readonly peerId: string
  readonly dialPolicy: DialPolicy
  /** What the dialer is dialling now; nobody else dials. */
  readonly dialPermits: DialPermits
  readonly exemptions: Exemptions
  readonly arrivalRate: ArrivalRate
  readonly inboundCaps: InboundCaps
  readonly handshakes: Handshakes
  readonly turns: Pick<HandshakeTurns, 'turn' | 'end'>
  readonly places: Places
  /** Of those who come over WebRTC-direct, beside the others: its process carries fewer. */
  readonly webRtcPlaces: Places
  readonly addressQuota: AddressQuota
  readonly penalties: Pick<Bans, 'isShunned' | 'isHostShunned' | 'isHostBanned' | 'arrivals'>
  readonly metrics: NetworkMetrics
  /** Whether this node holds a reservation with a peer. @default with nobody */
  readonly isOwnRelay?: (peerId: string) => boolean
  /** A connection that was let in ended before its handshake was through. @default nobody is told */
  readonly onHandshakeFailed?: (connection: MultiaddrConnection) => void
  readonly lookupName: LookupName
}

/**
 * The rules as libp2p asks for them: by itself libp2p 3.3 dials every address it is told, and lets in whoever comes.
 * Each can go when libp2p has it.
 */
export function createGater(components: GaterComponents): ConnectionGater {
  return {
    ...outboundRules(components),
    ...inboundRules(components),
    ...relayRules(components),
  }
}

/**
 * Whom this node dials where, and which addresses it keeps of a peer. Members are arrow functions
 * because libp2p calls `filterMultiaddrForPeer` without its object.
 */
function outboundRules(components: GaterComponents): ConnectionGater {
  const { peerId: self, dialPolicy, dialPermits, addressQuota, penalties, metrics } = components

  const peerRefusalOf = (peer: PeerId): string | null => {
    const id = peer.toString()
    if (id === self) return 'own'
    if (penalties.isShunned(id)) return 'shunned'
    return dialPermits.allowsPeer(id) ? null : 'not-by-dialer'
  }

  /** Counts a refusal. */
  const isDenied = (refusal: string | null): boolean => {
    if (refusal !== null) metrics.dialRefused(refusal)
    return refusal !== null
  }

  return {
    denyDialPeer: (peer) => isDenied(peerRefusalOf(peer)),
    denyDialMultiaddr: async (address) => isDenied(await addressRefusalOf(address, components)),
    // An address that was dialled without knowing whose it is.
    denyOutboundEncryptedConnection: (peer) => penalties.isShunned(peer.toString()),
    filterMultiaddrForPeer: (peer, address) => {
      const id = peer.toString()
      if (id === self) return true
      const text = addressText(address)
      // What is cheap to say comes first: a peer can tell of a thousand.
      return (
        text !== null &&
        addressQuota.hasPlaceFor(id, text) &&
        dialPolicy.isDialable(address, 'dht') &&
        addressQuota.admit(id, text)
      )
    },
  }
}

async function addressRefusalOf(
  address: Multiaddr,
  { dialPolicy, dialPermits, penalties, lookupName }: GaterComponents,
): Promise<string | null> {
  if (!dialPermits.allowsAddress(address)) return 'not-by-dialer'
  if (penalties.isHostBanned(targetOf(address)?.host ?? '')) return 'banned'
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

/** Who may come in, at each step of a connection's beginning. */
function inboundRules(components: GaterComponents): ConnectionGater {
  const { handshakes, turns, penalties, metrics } = components
  const shaken = new WeakSet<MultiaddrConnection>()

  const watchHandshake = (connection: MultiaddrConnection) => {
    connection.addEventListener(
      'close',
      () => {
        if (!shaken.has(connection)) components.onHandshakeFailed?.(connection)
      },
      { once: true },
    )
  }

  return {
    denyInboundConnection: async (connection) => {
      const refusal =
        arrivalRefusalOf(connection, components) ??
        (await turns.turn(connection, isPeerFirst(connection)))
      if (refusal === null) watchHandshake(connection)
      return isDeniedInbound(refusal, metrics)
    },
    // The peer has proved who it is; a muxer for nothing would be the larger half of the work.
    denyInboundEncryptedConnection: (peer, connection) => {
      shaken.add(connection)
      const id = peer.toString()
      if (penalties.isShunned(id)) return isDeniedInbound('shunned', metrics)
      return isDeniedInbound(placeRefusalOf(id, connection, components), metrics)
    },
    denyInboundUpgradedConnection: (peer, connection) => {
      handshakes.end(connection)
      turns.end(connection)
      penalties.arrivals.upgraded(connection, peer.toString())
      return isDeniedInbound(takePlaces(peer.toString(), connection, components), metrics)
    },
  }
}

/** Before the handshake: where it comes from is all that is known. */
function arrivalRefusalOf(
  connection: MultiaddrConnection,
  { exemptions, arrivalRate, inboundCaps, handshakes, penalties }: GaterComponents,
): string | null {
  const ip = targetOf(connection.remoteAddr)?.host ?? ''
  if (penalties.isHostShunned(ip)) return 'shunned-host'
  const source = sourceOf(connection.remoteAddr, exemptions)
  if (!arrivalRate.admit(source)) return 'rate'
  const refusal = inboundCaps.admit(connection, source) ?? handshakes.begin(connection, source)
  if (refusal === null) penalties.arrivals.arrived(connection)
  return refusal
}

type PlaceComponents = Pick<GaterComponents, 'exemptions' | 'places' | 'webRtcPlaces'>

/** Changes nothing. */
function placeRefusalOf(
  id: string,
  { remoteAddr }: MultiaddrConnection,
  { exemptions, places, webRtcPlaces }: PlaceComponents,
): string | null {
  const source = sourceOf(remoteAddr, exemptions)
  const refusal = places.refusalOf(id, source)
  if (refusal !== null || !isWebRtc(remoteAddr)) return refusal
  return webRtcPlaces.refusalOf(id, source) === null ? null : 'webrtc'
}

/** Who gets only one of two places takes none from anybody. */
function takePlaces(
  id: string,
  connection: MultiaddrConnection,
  components: PlaceComponents,
): string | null {
  const refusal = placeRefusalOf(id, connection, components)
  if (refusal !== null) return refusal
  const { exemptions, places, webRtcPlaces } = components
  const { remoteAddr } = connection
  const source = sourceOf(remoteAddr, exemptions)
  if (isWebRtc(remoteAddr)) webRtcPlaces.admit(id, connection, source)
  return places.admit(id, connection, source)
}

/** Who may come in through a relay: those whom this node's own relays bring. */
function relayRules({ isOwnRelay, penalties, metrics }: GaterComponents): ConnectionGater {
  return {
    denyInboundRelayedConnection: (relay, remote) => {
      if (isOwnRelay?.(relay.toString()) !== true) return isDeniedInbound('not-our-relay', metrics)
      return isDeniedInbound(penalties.isShunned(remote.toString()) ? 'shunned' : null, metrics)
    },
  }
}

/** Counts a refusal. */
function isDeniedInbound(refusal: string | null, metrics: NetworkMetrics): boolean {
  if (refusal !== null) metrics.inboundRefused(refusal)
  return refusal !== null
}

/** In the handshake: over WebRTC-direct it is the listener that begins, and a DTLS handshake went before. */
function isPeerFirst({ remoteAddr }: Pick<MultiaddrConnection, 'remoteAddr'>): boolean {
  const names = remoteAddr.getComponents().map(({ name }) => name)
  return names.includes('p2p-circuit') || !names.includes('webrtc-direct')
}
