import assert from 'node:assert/strict'
import { test } from 'node:test'

import { waitFor } from '../../../../support/wait-for.ts'
import { OPENING, pipeEnds } from '../../../../support/webrtc-pipe.ts'

async function joined() {
  const ends = pipeEnds()
  const atChild = ends.child.open(OPENING)
  const { connection: atNode, opening } = await waitFor(() => ends.opened[0], {
    message: 'the node hears of it',
  })
  return { ...ends, atChild, atNode, opening }
}

test('a connection says who is at its other end, and carries bytes both ways', async () => {
  const { atChild, atNode, opening } = await joined()
  assert.deepEqual(opening, OPENING)
  assert.equal(atNode.remoteAddr.toString(), OPENING.remoteAddr)
  assert.deepEqual([atNode.direction, atChild.direction], ['inbound', 'outbound'])
  const heard = { node: '', child: '' }
  atNode.addEventListener('message', ({ data }) => {
    heard.node += Buffer.from(data.subarray())
  })
  atChild.addEventListener('message', ({ data }) => {
    heard.child += Buffer.from(data.subarray())
  })
  atChild.send(Buffer.from('to the node'))
  atNode.send(Buffer.from('to the child'))
  await waitFor(() => heard.node === 'to the node' && heard.child === 'to the child', {
    message: 'both are heard',
  })
})

test('words go both ways, beside the bytes of connections', async () => {
  const { node, child, words, atChild, atNode } = await joined()
  atNode.send(new Uint8Array(100_000))
  node.tell({ kind: 'beat' })
  atChild.send(new Uint8Array(100_000))
  child.tell(['alive'])
  await waitFor(() => words.length === 2, { message: 'both are heard' })
  assert.deepEqual(words, [{ kind: 'beat' }, ['alive']])
})

test('what was sent before its end is there, and the end is one in order', async () => {
  const { atChild, atNode } = await joined()
  let bytes = 0
  atNode.addEventListener('message', ({ data }) => {
    bytes += data.byteLength
  })
  atChild.send(new Uint8Array(1_000_000))
  await atChild.close()
  await waitFor(() => atNode.status === 'closed', { message: 'it is closed at the other end' })
  assert.equal(bytes, 1_000_000)
})

test('one that the node resets was not accepted, and others go on', async () => {
  const { child, opened, atChild, atNode } = await joined()
  const other = child.open(OPENING)
  atNode.abort(new Error('refused'))
  await assert.rejects(atChild.accepted, { code: 'STREAM_REFUSED' })
  assert.equal(atChild.status, 'reset')
  await waitFor(() => opened[1], { message: 'the other one is there' })
  opened[1]?.connection.accept()
  await other.accepted
  assert.equal(other.status, 'open')
})

test('with the pipe all connections are gone', async () => {
  const { nodePipe, childPipe, atChild, atNode } = await joined()
  nodePipe.destroy()
  childPipe.destroy()
  await waitFor(() => atNode.status !== 'open' && atChild.status !== 'open', {
    message: 'both ends are closed',
  })
  await assert.rejects(atChild.accepted)
})

test('while nobody takes its bytes a sender is told to wait, and then to go on', async () => {
  const { nodePipe, atChild, atNode } = await joined()
  nodePipe.pause()
  assert.equal(atChild.send(new Uint8Array(1_000_000)), false)
  assert.equal(atChild.send(new Uint8Array(1_000_000)), false)
  assert.equal(atChild.writeBufferLength, 1_000_000, 'the second waits in its own buffer')
  let bytes = 0
  atNode.addEventListener('message', ({ data }) => {
    bytes += data.byteLength
  })
  nodePipe.resume()
  await waitFor(() => bytes === 2_000_000, { message: 'all of it arrives' })
})

test('one that is closed while nobody takes its bytes waits for nobody, and they come before its end', async () => {
  const { nodePipe, atChild, atNode } = await joined()
  nodePipe.pause()
  atChild.send(new Uint8Array(1_000_000))
  atChild.send(new Uint8Array(1_000_000))
  let bytes = 0
  atNode.addEventListener('message', ({ data }) => {
    bytes += data.byteLength
  })
  const closed = atChild.close()
  assert.equal(atChild.status, 'closed')
  await closed
  nodePipe.resume()
  await waitFor(() => atNode.status === 'closed', { message: 'it is closed at the other end' })
  assert.equal(bytes, 2_000_000)
})

for (const [what, bytes] of Object.entries({
  'a word that is no JSON': Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 1, 0x7b]),
  'a connection of null': Buffer.from([1, 0, 0, 0, 1, 0, 0, 0, 4, ...Buffer.from('null')]),
  'a connection of nobody': Buffer.from([1, 0, 0, 0, 1, 0, 0, 0, 2, 0x7b, 0x7d]),
  'a payload without an end': Buffer.from([1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]),
})) {
  test(`${what} ends the pipe, and the node goes on`, async () => {
    const { nodePipe, childPipe, atNode } = await joined()
    childPipe.write(bytes)
    await waitFor(() => nodePipe.destroyed, { message: 'the pipe is ended' })
    await waitFor(() => atNode.status !== 'open', { message: 'so are its connections' })
  })
}
