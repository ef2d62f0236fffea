import { waitFor } from '../wait-for.ts'
import {
  handshakeAttacker,
  messageOf,
  type NativeChannel,
  unlessClosed,
} from '../webrtc-attacker.ts'
import { bend, concat, makePayload } from './payloads.ts'
import type { Means } from './peer.ts'
import { noiseFrame } from './raw.ts'
import { TEXTS } from './webrtc-channels.ts'

/** The second message of the handshake: a key, another one encrypted, what is said with them. */
const SECOND_BYTES = 32 + 48 + 100
const ENDED_MS = 1000

/** One that is through with DTLS, says what it likes instead of noise or in the middle of it, and leaves. */
export async function attackHandshake(address: string, means: Means): Promise<void> {
  const jobs: (() => unknown)[] = []
  try {
    const { peer, channel } = await handshakeAttacker({ after: (job) => jobs.push(job) }, address)
    const isOver = () => !channel.isOpen() || peer.state() === 'closed'
    if (means.random.chance(0.5)) attackBefore(channel, means)
    else await attackDuring(channel, isOver, means)
    await waitFor(isOver, { timeoutMs: ENDED_MS, message: 'it is sent away' })
  } catch {
    // Refused, or left to wait: it ends this itself.
  } finally {
    for (const job of jobs) job()
  }
}

function attackBefore(channel: NativeChannel, { random, trail, count }: Means): void {
  for (let i = random.int(1, 6); i > 0 && channel.isOpen(); i -= 1) {
    const bytes = bend(random, makePayload(random))
    trail.note('WebRTC handshake', bytes)
    unlessClosed(() =>
      random.chance(0.1)
        ? channel.sendMessage(random.pick(TEXTS))
        : channel.sendMessageBinary(bytes),
    )
  }
  count('WebRTC handshake')
}

/** The node speaks first. */
async function attackDuring(
  channel: NativeChannel,
  isOver: () => boolean,
  { random, trail, count }: Means,
): Promise<void> {
  let isBegun = false
  channel.onMessage(() => {
    isBegun = true
  })
  await waitFor(() => isBegun || isOver(), { timeoutMs: ENDED_MS, message: 'its first message' })
  if (!isBegun) return
  const frame = noiseFrame(random, random.chance(0.6) ? SECOND_BYTES : random.int(0, 600))
  const bytes = random.chance(0.3)
    ? concat(Uint8Array.of(0x08, random.int(0, 5)), messageOf(frame))
    : messageOf(frame)
  trail.note('WebRTC noise', bytes)
  unlessClosed(() => channel.sendMessageBinary(bytes))
  if (random.chance(0.5)) unlessClosed(() => channel.sendMessageBinary(makePayload(random)))
  count('WebRTC noise')
}
