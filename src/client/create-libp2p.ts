import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify, identifyPush } from '@libp2p/identify'
import type { PrivateKey } from '@libp2p/interface'
import { ping } from '@libp2p/ping'
import { webRTC, webRTCDirect } from '@libp2p/webrtc'
import { webSockets } from '@libp2p/websockets'
import { createLibp2p } from 'libp2p'

import type { DialPermits } from './dial-permits.ts'
import {
  guardAddresses,
  guardUpgrader,
  withGuardedHandshake,
  withGuardedStreams,
} from './guards.ts'
import { transportOfPlaces } from './place-times.ts'
import type { ClientLibp2p, IceServer } from './types.ts'

/** Longer than any deadline that the client sets itself for one address. */
const ADDRESS_DIAL_MS = 10_000
const DIAL_MS = 15_000
/** A node that hangs is noticed after this and what the monitor waits for an answer. */
const MONITOR_MS = 10_000
/** Pages dial each other's way from few addresses: eight tabs of one browser look like one host. */
const INBOUND_PER_SECOND = 64

export interface ClientLibp2pOptions {
  readonly network: string
  readonly privateKey: PrivateKey
  readonly iceServers: readonly IceServer[]
  /** What may be dialled. */
  readonly permits: DialPermits
  /** Nodes to hold a place with at a time. */
  readonly relays: number
  readonly hasWebRtc: boolean
}

/** libp2p as a page needs it, not started. */
export async function createClientLibp2p(options: ClientLibp2pOptions): Promise<ClientLibp2p> {
  const { network, privateKey, permits, relays, hasWebRtc } = options
  guardAddresses()
  const iceServers = options.iceServers.map(({ urls, ...rest }) => ({
    ...rest,
    urls: typeof urls === 'string' ? urls : [...urls],
  }))
  const libp2p = await createLibp2p({
    start: false,
    privateKey,
    nodeInfo: { name: 'wesense-client', version: '1', userAgent: 'wesense-client' },
    addresses: {
      // Without naming the node: a place that is named is not asked for again once it is lost
      // (@libp2p/circuit-relay-v2 4.2).
      listen: [
        ...new Array<string>(relays).fill('/p2p-circuit'),
        ...(hasWebRtc ? ['/webrtc'] : []),
      ],
    },
    transports: [
      webSockets(),
      (components) => {
        // Of all transports.
        guardUpgrader(components.upgrader)
        return transportOfPlaces(components)
      },
      ...(hasWebRtc
        ? [
            webRTC({ rtcConfiguration: { iceServers } }),
            // The node's address is known, and it needs none of ours.
            webRTCDirect({ rtcConfiguration: { iceServers: [] } }),
          ]
        : []),
    ],
    connectionEncrypters: [withGuardedHandshake(noise())],
    streamMuxers: [withGuardedStreams(yamux())],
    // In a browser libp2p would refuse ws: and LAN addresses, which a page may well be given.
    connectionGater: { denyDialMultiaddr: (address) => !permits.isPermitted(address) },
    transportManager: { faultTolerance: 1 },
    connectionManager: {
      addressDialTimeout: ADDRESS_DIAL_MS,
      dialTimeout: DIAL_MS,
      inboundConnectionThreshold: INBOUND_PER_SECOND,
      // Nodes are come back to by their links, at the addresses that these know.
      reconnectRetries: 0,
      // A `/dnsaddr` that a remote tells is asked for nowhere.
      resolvers: {},
    },
    connectionMonitor: { protocolPrefix: network, pingInterval: MONITOR_MS },
    services: {
      identify: identify({ protocolPrefix: network }),
      identifyPush: identifyPush({ protocolPrefix: network }),
      ping: ping({ protocolPrefix: network }),
    },
  })
  return libp2p
}
