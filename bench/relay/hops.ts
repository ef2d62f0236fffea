import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { circuitRelayServer } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { createHost } from '../../src/network/create-host.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { hopLimits } from '../../src/network/relay/hop-limits.ts'
import { Relay } from '../../src/network/relay/relay.ts'
import { createMetrics, silentLogger } from '../../src/telemetry/index.ts'
import { relayLimits } from '../../test/support/circuit-ends.ts'
import { hostOptions } from '../../test/support/host.ts'

const MANY = 10_000

/** @returns the multiaddr of a hop that limits nothing but what one circuit holds */
export async function startOurHop(): Promise<string> {
  const identity = await createEphemeralIdentity()
  const metrics = createMetrics()
  const logger = silentLogger
  const options = hostOptions({ dht: null, limits: hopLimits(hostLimits(1024)) })
  const host = await createHost(options, { identity, logger, metrics })
  await host.start()
  const { circuits, ...limits } = relayLimits()
  const reservations = { ...limits.reservations, total: MANY, perHost: MANY, perSubnet: MANY }
  const relay = new Relay(
    { policy: { name: 'open' }, quotaPath: null },
    { ...limits, reservations, circuits: { ...circuits, total: MANY } },
    {
      libp2p: host.libp2p,
      privateKey: identity.privateKey,
      addresses: host.addresses,
      members: {
        isReady: true,
        isMember: () => false,
        isTrusted: () => false,
        isRevoked: () => false,
      },
      standing: { penaltyOf: () => 0, isShunned: () => false },
      logger,
      metrics,
    },
  )
  await relay.start()
  return `${host.listenAddresses()[0]}/p2p/${identity.peerId}`
}

/** The library's hop with the limits it has out of the way; every other option is its own. */
export async function startStockHop(): Promise<string> {
  const libp2p = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: MANY, maxIncomingPendingConnections: MANY },
    services: {
      identify: identify(),
      relay: circuitRelayServer({
        maxInboundHopStreams: MANY,
        maxOutboundHopStreams: MANY,
        maxOutboundStopStreams: MANY,
        reservations: { maxReservations: MANY, applyDefaultLimit: false },
      }),
    },
  })
  return String(libp2p.getMultiaddrs()[0])
}
