import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'

import { bend, makePayload } from '../support/fuzz/payloads.ts'
import { SeededRandom } from '../support/fuzz/random.ts'
import { attackChannel, MOST_BYTES, TEXTS } from '../support/fuzz/webrtc-channels.ts'
import { waitFor } from '../support/wait-for.ts'
import {
  attackOverWebRtc,
  type BrowserChannel,
  exitAnyway,
  handshakeAttacker,
  isSettled,
  peerConnectionOf,
  unlessClosed,
} from '../support/webrtc-attacker.ts'
import { nativeEnds } from '../support/webrtc-native.ts'

/** Much less than a handshake has. */
const AT_ONCE = { timeoutMs: 2_000 }
/** The same seed sends the same: FUZZ_SEED=… npm test test/integration/webrtc-conduct.test.ts */
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 32))

describe('somebody without a key', { timeout: 60_000 }, () => {
  it('that sends a text is gone at once, and the node is not', async (t) => {
    const { address, isCut, dial } = await attackOverWebRtc(t)
    for (const [before, text] of TEXTS.entries()) {
      const { peer, channel } = await handshakeAttacker(t, address)
      channel.sendMessage(text)
      await waitFor(() => peer.state() === 'closed', { message: `"${text}" ends it`, ...AT_ONCE })
      await isCut('text', before + 1)
    }
    assert.equal((await dial()).status, 'open')
  })

  const cases: Record<string, readonly [reason: string, bytes: Uint8Array]> = {
    'sends messages of nothing': ['handshake', new Uint8Array(MOST_BYTES)],
    'announces a message of 4 MB': ['long-message', Uint8Array.of(0xff, 0xff, 0xff, 1)],
  }
  for (const [what, [reason, bytes]] of Object.entries(cases)) {
    it(`that ${what} holds up nobody`, async (t) => {
      const { address, isCut, dial } = await attackOverWebRtc(t)
      const { peer, channel } = await handshakeAttacker(t, address)
      for (let count = 0; count < 20; count++) unlessClosed(() => channel.sendMessageBinary(bytes))
      await waitFor(() => peer.state() === 'closed', { message: 'it is gone', ...AT_ONCE })
      await isCut(reason)
      assert.equal((await dial()).status, 'open')
    })
  }
})

describe('a peer', { timeout: 60_000 }, () => {
  it('that sends a text on a stream is gone at once, and the node is not', async (t) => {
    const { isCut, dial } = await attackOverWebRtc(t)
    const connection = await dial()
    const channel = peerConnectionOf(connection).createDataChannel('')
    await isSettled(channel)
    channel.send('-1')
    await waitFor(() => connection.status !== 'open', { message: 'it is gone', ...AT_ONCE })
    await isCut('text')
    assert.equal((await dial()).status, 'open')
  })

  it('that sends messages of nothing is gone before they are looked at', async (t) => {
    const { isCut, dial } = await attackOverWebRtc(t)
    const connection = await dial()
    const channel = peerConnectionOf(connection).createDataChannel('')
    await isSettled(channel)
    for (let count = 0; count < 20; count++) {
      unlessClosed(() => channel.send(new Uint8Array(MOST_BYTES)))
    }
    await waitFor(() => connection.status !== 'open', { message: 'it is gone', ...AT_ONCE })
    await isCut('empty-frames')
  })

  it('that announces a long message on a stream is gone before it is gathered', async (t) => {
    const { isCut, dial } = await attackOverWebRtc(t)
    const connection = await dial()
    const channel = peerConnectionOf(connection).createDataChannel('')
    await isSettled(channel)
    channel.send(Uint8Array.of(0xff, 0xff, 0xff, 1))
    await waitFor(() => connection.status !== 'open', { message: 'it is gone', ...AT_ONCE })
    await isCut('long-message')
  })
})

describe('a channel', { timeout: 60_000 }, () => {
  it('that closed is forgotten', async (t) => {
    const { connection, inbound } = await nativeEnds(t)
    for (let count = 0; count < 20; count++) {
      const channel = peerConnectionOf(connection).createDataChannel('')
      await isSettled(channel)
      channel.close()
      await waitFor(() => channel.readyState === 'closed', { message: 'the channel is closed' })
    }
    const report = await inbound.getStats()
    assert.equal(report.get('P')?.dataChannelsOpened, 1, 'that of the handshake')
  })
})

describe('whatever is sent', { timeout: 60_000 }, () => {
  after(exitAnyway)

  it('before anybody is known, the node goes on', async (t) => {
    t.diagnostic(`FUZZ_SEED=${SEED}`)
    const random = new SeededRandom(SEED)
    const { address, dial, host } = await attackOverWebRtc(t)
    for (let round = 0; round < 8; round++) {
      const { peer, channel } = await handshakeAttacker(t, address)
      for (let count = random.int(1, 6); count > 0 && channel.isOpen(); count--) {
        const bytes = bend(random, makePayload(random))
        unlessClosed(() =>
          random.chance(0.1)
            ? channel.sendMessage(random.pick(TEXTS))
            : channel.sendMessageBinary(bytes),
        )
      }
      if (random.chance(0.3)) channel.close()
      else peer.close()
    }
    assert.equal((await dial()).status, 'open')
    await waitFor(() => host.peers().length === 1, { message: 'an honest one is there' })
  })

  it('on streams of any name, the node goes on', async (t) => {
    t.diagnostic(`FUZZ_SEED=${SEED}`)
    const random = new SeededRandom(SEED)
    const { dial, host } = await attackOverWebRtc(t)
    for (let round = 0; round < 4; round++) {
      const connection = await dial()
      const channels: (BrowserChannel | null)[] = []
      for (let count = 0; count < 12 && connection.status === 'open'; count++) {
        channels.push(await attackChannel(connection, random))
      }
      connection.abort(new Error('enough'))
      // One that was opened when its connection ended would keep this process running.
      for (const channel of channels) channel?.close()
    }
    assert.equal((await dial()).status, 'open')
    await waitFor(() => host.peers().length === 1, { message: 'an honest one is there' })
  })
})
