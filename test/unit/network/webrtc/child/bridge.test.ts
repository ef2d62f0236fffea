import assert from 'node:assert/strict'
import { test } from 'node:test'
import { yamux } from '@chainsafe/libp2p-yamux'
import type { Stream, StreamMuxer } from '@libp2p/interface'

import { bridgeMuxers } from '../../../../../src/network/webrtc/child/bridge.ts'
import { waitFor } from '../../../../support/wait-for.ts'
import { OPENING, pipeEnds } from '../../../../support/webrtc-pipe.ts'

const KIB = 1024

/** Two muxers that are each other's other end. */
async function joinedMuxers(): Promise<[StreamMuxer, StreamMuxer]> {
  const { child, opened } = pipeEnds()
  const outbound = child.open(OPENING)
  const { connection } = await waitFor(() => opened[0], { message: 'it is opened' })
  const muxers = yamux({ enableKeepAlive: false })()
  return [muxers.createStreamMuxer(outbound), muxers.createStreamMuxer(connection)]
}

/** A stream of a peer, and the one that begins for it behind the bridge. */
async function bridged(): Promise<{ peer: Stream; node: Stream }> {
  const [peerMuxer, remote] = await joinedMuxers()
  const [local, nodeMuxer] = await joinedMuxers()
  bridgeMuxers(remote, local)
  const begun: Stream[] = []
  nodeMuxer.addEventListener('stream', ({ detail }) => begun.push(detail))
  const peer = await peerMuxer.createStream()
  return { peer, node: await waitFor(() => begun[0], { message: 'it begins behind the bridge' }) }
}

function countOf(stream: Stream): () => number {
  let bytes = 0
  stream.addEventListener('message', ({ data }) => {
    bytes += data.byteLength
  })
  return () => bytes
}

test('bytes go through both ways, and each way ends for itself', async () => {
  const { peer, node } = await bridged()
  const heard = { peer: countOf(peer), node: countOf(node) }
  peer.send(new Uint8Array(3_000_000))
  await peer.close()
  await waitFor(() => node.remoteWriteStatus === 'closed', { message: 'the end is told' })
  assert.equal(heard.node(), 3_000_000)
  assert.equal(node.writeStatus, 'writable')
  node.send(new Uint8Array(2_000_000))
  await node.close()
  await waitFor(() => peer.status === 'closed', { message: 'both ways are over' })
  assert.equal(heard.peer(), 2_000_000)
})

test('a stream that one end resets is reset at the other', async () => {
  for (const isPeer of [true, false]) {
    const { peer, node } = await bridged()
    const [one, other] = isPeer ? [peer, node] : [node, peer]
    one.abort(new Error('enough'))
    await waitFor(() => other.status === 'reset', { message: 'the other end knows' })
  }
})

test('a stream that begins on the other side goes through as well', async () => {
  const [peerMuxer, remote] = await joinedMuxers()
  const [local, nodeMuxer] = await joinedMuxers()
  bridgeMuxers(remote, local)
  const begun: Stream[] = []
  peerMuxer.addEventListener('stream', ({ detail }) => begun.push(detail))
  const node = await nodeMuxer.createStream()
  node.send(new Uint8Array(10))
  const peer = await waitFor(() => begun[0], { message: 'it begins at the peer' })
  const heard = countOf(peer)
  await waitFor(() => heard() === 10, { message: 'its bytes arrive' })
})

test('a sender waits for a reader that does not read, and what is on the way is bounded', async () => {
  const { peer, node } = await bridged()
  node.pause()
  let sent = 0
  // Between two of them moves what can move.
  while (peer.writeBufferLength < 512 * KIB && sent < 64_000 * KIB) {
    peer.send(new Uint8Array(16 * KIB))
    sent += 16 * KIB
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(sent < 4_000 * KIB, `${sent} bytes are on the way`)
  const heard = countOf(node)
  node.resume()
  await peer.close()
  await waitFor(() => node.remoteWriteStatus === 'closed', { message: 'all of it arrives' })
  assert.equal(heard(), sent)
})
