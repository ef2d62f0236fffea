import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'

import { encodeStopMessage, STOP_PROTOCOL, STOP_TYPE } from '../../src/network/relay/hop/wire.ts'
import { longestBlock } from '../support/event-loop.ts'
import { varint, withLength } from '../support/fuzz/payloads.ts'
import { addressOf, NO_SOURCES, startNetwork } from '../support/network.ts'
import { startLibraryPeer } from '../support/relay-hop.ts'
import { waitFor } from '../support/wait-for.ts'

interface Scene {
  /** Of a stranger, who brings a circuit that nobody asked for. */
  readonly stream: Stream
  readonly answers: Uint8Array[]
  /** What is handed on of it at the station, from then on. */
  readonly taken: () => Promise<() => number>
}

async function setScene(t: TestContext): Promise<Scene> {
  const { network } = await startNetwork(t, { relayClient: {}, discovery: NO_SOURCES })
  const stranger = await startLibraryPeer(t)
  const connection = await stranger.dial(multiaddr(addressOf(network)))
  const stream = await connection.newStream(STOP_PROTOCOL)
  const answers: Uint8Array[] = []
  stream.addEventListener('message', ({ data }) => answers.push(data.subarray()))
  const taken = async () => {
    const atStation = await waitFor(
      () =>
        network.libp2p
          .getConnections()
          .flatMap(({ streams }) => streams)
          .find(({ protocol }) => protocol === STOP_PROTOCOL),
      { message: 'the stream at the station' },
    )
    let bytes = 0
    atStation.addEventListener('message', ({ data }) => {
      bytes += data.byteLength
    })
    return () => bytes
  }
  return { stream, answers, taken }
}

/** A circuit from somebody whose one address is this. */
function stopMessage(address: Uint8Array): Uint8Array {
  const id = Buffer.from(
    '0024080112200000000000000000000000000000000000000000000000000000000000000000',
    'hex',
  )
  const message = encodeStopMessage({ type: STOP_TYPE.connect, peer: { id, addresses: [address] } })
  return withLength(message)
}

describe('a stranger that brings a circuit', () => {
  it('is answered', async (t) => {
    const { stream, answers } = await setScene(t)
    stream.send(stopMessage(multiaddr('/ip4/203.0.113.9/tcp/4002').bytes))
    await waitFor(() => answers.length > 0, { message: 'a refusal' })
  })

  it('is listened to no longer once it is refused', async (t) => {
    const { stream, answers, taken } = await setScene(t)
    stream.send(stopMessage(multiaddr('/ip4/203.0.113.9/tcp/4002').bytes))
    await waitFor(() => answers.length > 0, { message: 'a refusal' })
    const bytes = await taken()
    stream.send(Buffer.alloc(1024 * 1024))
    await waitFor(() => stream.writeBufferLength === 0, { message: 'all is sent' })
    // It comes behind all that was sent.
    await stream.close()
    await waitFor(() => stream.status === 'closed', { message: 'both have ended' })
    assert.equal(bytes(), 0)
  })

  it('is reset where the length of what it says has no end', async (t) => {
    const { stream, answers } = await setScene(t)
    stream.send(Buffer.alloc(1_000, 0x80))
    // It has five seconds for what it says.
    await waitFor(() => stream.status === 'reset', { message: 'it is reset', timeoutMs: 2_000 })
    assert.deepEqual(answers, [])
  })

  const long: Record<string, Uint8Array> = {
    'an address of a hundred thousand parts': Buffer.alloc(200_000, Buffer.from([0xdd, 0x03])),
    'a peer ID that takes minutes to write': Buffer.concat([
      Buffer.from([0xa5, 0x03]),
      varint(200_000),
      Buffer.alloc(200_000, 0xff),
    ]),
  }
  for (const [what, address] of Object.entries(long)) {
    it(`is reset where who comes has ${what}`, async (t) => {
      const { stream, answers } = await setScene(t)
      const worstMs = await longestBlock(async () => {
        stream.send(stopMessage(address))
        await waitFor(() => stream.status === 'reset', { message: 'the stream is reset' })
      })
      assert.deepEqual(answers, [])
      assert.ok(worstMs < 1000, `${worstMs} ms`)
    })
  }
})
