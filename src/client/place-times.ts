import {
  type CircuitRelayTransportComponents,
  circuitRelayTransport,
} from '@libp2p/circuit-relay-v2'
import { KEEP_ALIVE, type PeerId, type PeerStore, type Transport } from '@libp2p/interface'

import { lifetimeOf } from '../wire/reservation-lifetime.ts'
import { memberOf } from './guards.ts'

/** On a relay for as long as it keeps a place for this client. */
const PLACE_TAG = `${KEEP_ALIVE}-circuit-relay`

/** Until a place is asked for again that was forgotten. */
const RETRY_MS = 30_000

/** What the transport keeps of a place, and does not type. */
interface Place {
  timeout: ReturnType<typeof setTimeout>
  readonly type: string
  readonly reservation: { expire: bigint }
}

interface Places {
  addEventListener(
    name: 'relay:created-reservation',
    listener: (event: CustomEvent<{ readonly relay: PeerId; readonly details: Place }>) => void,
  ): void
  getReservation(relay: PeerId): Place['reservation'] | undefined
  addRelay(relay: PeerId, type: string): Promise<unknown>
}

/**
 * The transport that asks relays for places, for pages whose clock is wrong. @libp2p/circuit-relay-v2 4.2 counts by
 * the page's clock until when a relay says by its own that a place lasts: where the page's is ahead it throws a place
 * away that has ended by then, and where it is behind it asks again when the place is gone. It also forgets those that
 * are to be asked for again while another one is. This can go when the library bounds what it is told, and forgets none.
 */
export function transportOfPlaces(components: CircuitRelayTransportComponents): Transport {
  keepTags(components.peerStore)
  const transport = circuitRelayTransport()(components)
  const places = memberOf(transport, 'reservationStore') as Places
  places.addEventListener('relay:created-reservation', ({ detail: { relay, details } }) => {
    clearTimeout(details.timeout)
    // It may have been lost while it was written down.
    if (places.getReservation(relay) !== details.reservation) return
    const refresh = () => {
      // Else nobody is asked while the place lasts by a clock that is behind.
      details.reservation.expire = 0n
      // Who fails to keep a place takes it off the list itself, and either way ends this timer.
      details.timeout = setTimeout(refresh, RETRY_MS)
      places.addRelay(relay, details.type).catch(() => {})
    }
    const nowMs = Date.now()
    const { refreshAtMs } = lifetimeOf(details.reservation.expire, nowMs, Math.random)
    details.timeout = setTimeout(refresh, refreshAtMs - nowMs)
  })
  return transport
}

/** A relay's tag ends with its place, which takes it off, and not by the clock: one that has ended is refused. */
function keepTags(peerStore: PeerStore): void {
  const merge = peerStore.merge.bind(peerStore)
  peerStore.merge = (peerId, data, options) => {
    const { tags } = data
    const tag = tags instanceof Map ? undefined : tags?.[PLACE_TAG]
    if (tag === undefined) return merge(peerId, data, options)
    const kept = { ...tags, [PLACE_TAG]: { value: tag.value } }
    return merge(peerId, { ...data, tags: kept }, options)
  }
}
