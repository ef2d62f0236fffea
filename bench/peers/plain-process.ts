/**
 * A libp2p host with the parts of a DHT bootstrapper: `plain-process.ts <network name> <ip>`. Library defaults,
 * but for the limits that would refuse the load and the protocol names, by which it understands the stations.
 * Says `{"msg":"Node ready","address":...}` when it listens.
 */
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { circuitRelayServer } from '@libp2p/circuit-relay-v2'
import { dcutr } from '@libp2p/dcutr'
import { identify, identifyPush } from '@libp2p/identify'
import { kadDHT } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { createLibp2p } from 'libp2p'

import { protocolNames } from '../../src/network/protocols.ts'

const [, , networkName = '', ip = ''] = process.argv
const { prefix, kad } = protocolNames(networkName)
const UNLIMITED = 100_000

const libp2p = await createLibp2p({
  addresses: { listen: [`/ip4/${ip}/tcp/4002`, `/ip4/${ip}/tcp/4003/ws`] },
  transports: [tcp(), webSockets()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  connectionManager: {
    maxConnections: UNLIMITED,
    maxIncomingPendingConnections: UNLIMITED,
    inboundConnectionThreshold: UNLIMITED,
  },
  connectionMonitor: { protocolPrefix: prefix },
  services: {
    identify: identify({ protocolPrefix: prefix }),
    identifyPush: identifyPush({ protocolPrefix: prefix }),
    ping: ping({ protocolPrefix: prefix }),
    dht: kadDHT({ protocol: kad, clientMode: false }),
    relay: circuitRelayServer(),
    dcutr: dcutr(),
  },
})
const address = `/ip4/${ip}/tcp/4002/p2p/${libp2p.peerId}`
console.log(JSON.stringify({ msg: 'Node ready', address }))
