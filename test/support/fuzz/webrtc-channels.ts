import type { Connection } from '@libp2p/interface'

import { waitFor } from '../wait-for.ts'
import { type BrowserChannel, peerConnectionOf, unlessClosed } from '../webrtc-attacker.ts'
import { bend, makePayload } from './payloads.ts'
import type { SeededRandom } from './random.ts'

/** What is a number to some, a protocol to others, and never the bytes that a channel is for. */
export const TEXTS: readonly string[] = ['-1', '200000', '1e3', 'multistream', '']
/** Of a message. */
export const MOST_BYTES = 16 * 1024

/** Opens a channel of any name on a connection and sends what it likes. @returns null when there is no connection */
export async function attackChannel(
  connection: Connection,
  random: SeededRandom,
): Promise<BrowserChannel | null> {
  const label = random.pick(['', '', 'init', '\0', 'é'.repeat(200), 'x'.repeat(8_000)])
  const protocol = random.pick(['', '', '\0', 'x'.repeat(8_000)])
  const peer = peerConnectionOf(connection)
  let channel: BrowserChannel
  try {
    channel = peer.createDataChannel(label, { protocol })
  } catch {
    // The other end may have ended the connection since it was looked at.
    return null
  }
  const isSettled = () => channel.readyState !== 'connecting' || connection.status !== 'open'
  if (random.chance(0.8)) await waitFor(isSettled, { message: 'the channel is open' })
  for (let count = random.int(0, 4); count > 0 && channel.readyState === 'open'; count--) {
    const bytes = bend(random, makePayload(random)).subarray(0, MOST_BYTES)
    unlessClosed(() => channel.send(random.chance(0.03) ? random.pick(TEXTS) : bytes))
  }
  if (random.chance(0.5)) channel.close()
  return channel
}
