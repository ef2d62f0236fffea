import type { TestContext } from 'node:test'
import { type Connection, type MultiaddrConnection, start, type Upgrader } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { StreamMemory } from '../../src/network/guards/stream-memory.ts'
import { Turns } from '../../src/network/guards/turns.ts'
import { muxerLimits } from '../../src/network/guards/yamux-limits.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { quietLog } from '../../src/network/quiet-log.ts'
import {
  type NativeComponents,
  nativeTransport,
} from '../../src/network/webrtc/child/native-transport.ts'
import { keptCertificate } from '../../src/network/webrtc/kept-certificate.ts'
import { waitFor } from './wait-for.ts'
import { dialUnanswered } from './webrtc-direct.ts'

/** A peer connection as this project's process for WebRTC has it. */
export interface NativeEnd {
  /** Under "P" what it holds. */
  getStats(): Promise<Map<string, { readonly dataChannelsOpened?: number }>>
}

/** Both ends of a connection, with that which takes it in this process, where it can be looked at. */
export async function nativeEnds(
  t: TestContext,
): Promise<{ connection: Connection; inbound: NativeEnd }> {
  const identity = await createEphemeralIdentity()
  const limits = hostLimits(1_024)
  const muxer = { ...muxerLimits(limits), ...limits.webRtc }
  const taken: MultiaddrConnection[] = []
  const upgradeInbound: Upgrader['upgradeInbound'] = async (connection, { muxerFactory }) => {
    muxerFactory?.createStreamMuxer(connection)
    taken.push(connection)
  }
  const upgrader = {
    upgradeInbound,
    createInboundAbortSignal: () => Object.assign(AbortSignal.timeout(5_000), { clear: () => {} }),
  } as unknown as Upgrader
  const transport = nativeTransport({
    certificate: await keptCertificate(null, Date.now()),
    metrics: { inbound: () => {} },
    limits: muxer,
    conduct: { memory: new StreamMemory(muxer), turns: new Turns() },
    onCut: () => {},
  })({
    peerId: peerIdFromString(identity.peerId),
    privateKey: identity.privateKey,
    logger: quietLog,
    upgrader,
  } as unknown as NativeComponents)
  await start(transport)
  const listener = transport.createListener({ upgrader })
  await listener.listen(multiaddr('/ip4/127.0.0.1/udp/0/webrtc-direct'))
  t.after(() => listener.close())
  const connection = await dialUnanswered(t, `${listener.getAddrs()[0]}/p2p/${identity.peerId}`)
  const inbound = await waitFor(() => taken[0], { message: 'it is taken' })
  return { connection, inbound: Reflect.get(inbound, 'peerConnection') }
}
