import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import type { TestContext } from 'node:test'
import type { Connection } from '@libp2p/interface'

import type { HostLimits } from '../../src/network/limits.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { createMetrics } from '../../src/telemetry/index.ts'
import { concat, withLength } from './fuzz/payloads.ts'
import { startHost } from './host.ts'
import { parseMetrics } from './node.ts'
import { waitFor } from './wait-for.ts'
import { dialDirect } from './webrtc-direct.ts'

/** A data channel of the native library. */
export interface NativeChannel {
  isOpen(): boolean
  onClosed(listener: () => void): void
  onMessage(listener: (message: string | Uint8Array) => void): void
  close(): void
  sendMessage(text: string): boolean
  sendMessageBinary(bytes: Uint8Array): boolean
}

/** A peer connection of the native library. */
export interface NativePeer {
  state(): string
  onStateChange(listener: () => void): void
  close(): void
  createDataChannel(label: string, options?: object): NativeChannel
  setLocalDescription(type: string, options: object): void
  setRemoteDescription(sdp: string, type: string): void
}

// The library's own, which is no dependency of ours.
const native = createRequire(import.meta.resolve('@libp2p/webrtc'))('node-datachannel') as {
  readonly PeerConnection: new (name: string, config: object) => NativePeer
}

/**
 * After the last test of a file: ends its process should a native part keep it running, which node-datachannel 0.33.4
 * now and then leaves of a channel that closes at an odd moment. The node itself always exits by itself.
 */
export function exitAnyway(): void {
  setTimeout(() => process.exit(), 2_000).unref()
}

/**
 * Somebody who is through with DTLS and has no key: on the channel of the handshake it says what it likes.
 * @param address of the node, ends with `/certhash/<hash>`
 */
export async function handshakeAttacker(
  t: { after(job: () => unknown): void },
  address: string,
): Promise<{ peer: NativePeer; channel: NativeChannel }> {
  const [, , host = '', , port = ''] = address.split('/')
  const ufrag = `libp2p+webrtc+v1/${randomBytes(16).toString('hex')}`
  const peer = new native.PeerConnection('attacker', {
    iceServers: [],
    disableAutoNegotiation: true,
    disableFingerprintVerification: true,
  })
  t.after(() => peer.close())
  const channel = peer.createDataChannel('', { negotiated: true, id: 0 })
  // Without listeners to their end the native parts keep the process running.
  peer.onStateChange(() => {})
  channel.onClosed(() => {})
  peer.setLocalDescription('offer', { iceUfrag: ufrag, icePwd: ufrag })
  peer.setRemoteDescription(answerOf(host, port, ufrag), 'answer')
  await waitFor(() => channel.isOpen(), { message: 'the channel of the handshake is open' })
  return { peer, channel }
}

/**
 * Freezes what runs @libp2p/webrtc 6.0.33, without a key: a channel whose messages nobody takes yet is full with 1024
 * (libdatachannel 0.24.5), the thread that brings one more waits with a lock, and so does, for that lock, whoever
 * closes the peer connection for the text that came before. One time in a few: the text has to be read just then.
 */
export async function tryToFreeze(
  t: { after(job: () => unknown): void },
  address: string,
): Promise<void> {
  const { peer, channel } = await handshakeAttacker(t, address)
  unlessClosed(() => {
    channel.sendMessage('x')
    for (let count = 0; count < 20; count++) {
      const full = peer.createDataChannel('')
      full.onClosed(() => {})
      for (let sent = 0; sent < 1_100; sent++) full.sendMessageBinary(Uint8Array.of(0))
    }
  })
}

/** What a stream over WebRTC sends at once: a protobuf with the bytes in its second field, its length before it. */
export function messageOf(bytes: Uint8Array): Uint8Array {
  return withLength(concat(Uint8Array.of(0x12), withLength(bytes)))
}

/** A data channel as browsers have it. */
export interface BrowserChannel extends EventTarget {
  readonly readyState: string
  close(): void
  send(data: string | Uint8Array): void
}

/** What is below a connection over WebRTC-direct: there somebody who has a key says what it likes. */
export function peerConnectionOf(connection: Connection): {
  createDataChannel(label: string, options?: object): BrowserChannel
  /** Called with what the other end opens, in place of the library. */
  ondatachannel: (event: { readonly channel: BrowserChannel }) => void
} {
  return Reflect.get(Reflect.get(connection, 'muxer') as object, 'peerConnection')
}

/** What a server would answer, were it asked: all of it follows from its address. */
function answerOf(host: string, port: string, ufrag: string): string {
  const lines = [
    'v=0',
    `o=- 0 0 IN IP4 ${host}`,
    's=-',
    't=0 0',
    'a=ice-lite',
    `m=application ${port} UDP/DTLS/SCTP webrtc-datachannel`,
    `c=IN IP4 ${host}`,
    'a=mid:0',
    'a=ice-options:ice2',
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${ufrag}`,
    // Not verified.
    `a=fingerprint:sha-256 ${Array(32).fill('00').join(':')}`,
    'a=setup:passive',
    'a=sctp-port:5000',
    'a=max-message-size:262144',
    `a=candidate:1467250027 1 UDP 1467250027 ${host} ${port} typ host`,
    'a=end-of-candidates',
  ]
  return `${lines.join('\n')}\n`
}

/** A host to be attacked, and how to connect to it as others do. */
export async function attackOverWebRtc(t: TestContext, limits: HostLimits = hostLimits(1_024)) {
  const metrics = createMetrics()
  const webRtcDirect = { port: 0, certificatePath: null }
  const host = await startHost(t, { limits, webRtcDirect }, { metrics })
  const address = host.listenAddresses().find((one) => one.includes('/webrtc-direct/')) ?? ''
  const sampleOf = async (sample: string) => parseMetrics(await metrics.text()).get(sample) ?? 0
  const countOf = (name: string, reason: string) => sampleOf(`${name}{reason="${reason}"}`)
  /** The process that cuts a connection tells the node, which may be a moment later than it tells the peer. */
  const isCut = async (reason: string, times = 1) => {
    const count = () => countOf('wesense_connections_cut_total', reason)
    await waitFor(async () => (await count()) >= times, { message: `cut for "${reason}"` })
    assert.equal(await count(), times)
  }
  const dial = () => dialDirect(t, `${address}/p2p/${host.peerId}`, 'test')
  return { host, address, sampleOf, countOf, isCut, dial }
}

/** Open, or refused. */
export async function isSettled(channel: BrowserChannel): Promise<void> {
  await waitFor(() => channel.readyState !== 'connecting', { message: 'the channel is open' })
}

/** The other end may have closed it since it was looked at. */
export function unlessClosed(send: () => unknown): void {
  try {
    send()
  } catch {}
}
