/** A page that has nothing but WebRTC-direct. */
import { webRTCDirect } from '@libp2p/webrtc'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

async function dial(address: string): Promise<string> {
  const node = await createLibp2p({
    addresses: { listen: [] },
    transports: [webRTCDirect({ rtcConfiguration: { iceServers: [] } })],
    connectionGater: { denyDialMultiaddr: () => false },
  })
  const connection = await node.dial(multiaddr(address), { signal: AbortSignal.timeout(8000) })
  return connection.status
}

Object.assign(globalThis, { test: { dial, isReady: true } })
