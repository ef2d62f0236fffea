/** Ends of circuits, speaking the protocol themselves: `end-process.ts <number>`, which its addresses carry. */
import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'

import { answerWith } from './child.ts'
import { accept, connect, DIRECT_PROTOCOL, startPeer } from './end-peer.ts'
import type { EndContact, EndRequest } from './types.ts'

const CHUNK = new Uint8Array(65_536).fill(7)
const PACE_STEP_MS = 10
const net = Number(process.argv[2])
const streams: Stream[] = []
let received = 0
let started = 0

answerWith(async (request: EndRequest): Promise<unknown> => {
  switch (request.do) {
    case 'accept':
      return await acceptAll(request.relay, request.peers, request.isStalled)
    case 'count':
      return received
    case 'connect':
      return await connectAll(request)
    case 'direct': {
      const peer = await newPeer()
      const connection = await peer.dial(multiaddr(request.address))
      streams.push(await connection.newStream(DIRECT_PROTOCOL))
      return null
    }
    case 'blast':
      for (const stream of streams) blast(stream)
      return null
    case 'stop':
      for (const stream of streams.splice(0)) stream.abort(new Error('measured'))
      return null
    case 'pace':
      pace(request.bytes, request.everyMs)
      return null
  }
})

function newPeer() {
  started += 1
  return startPeer(`127.${net}.${Math.floor(started / 250)}.${(started % 250) + 1}`)
}

async function acceptAll(relay: string, peers: number, isStalled: boolean): Promise<EndContact[]> {
  const contacts: EndContact[] = []
  for (let i = 0; i < peers; i += 1) {
    const peer = await newPeer()
    await accept(peer, relay, (stream, first) => {
      if (isStalled) return stream.readStatus === 'readable' && stream.pause()
      received += first.byteLength
      stream.addEventListener('message', ({ data }) => {
        received += data.byteLength
      })
      if (stream.readStatus === 'paused') stream.resume()
      return true
    })
    contacts.push({ peerId: String(peer.peerId), address: String(peer.getMultiaddrs()[0]) })
  }
  return contacts
}

async function connectAll(request: EndRequest & { do: 'connect' }): Promise<null> {
  const { relay, peers, circuits, destinations } = request
  for (let i = 0, next = 0; i < peers; i += 1) {
    const peer = await newPeer()
    for (let j = 0; j < circuits; j += 1, next += 1) {
      const destination = destinations[next % destinations.length] ?? ''
      streams.push(await connect(peer, relay, destination))
    }
  }
  return null
}

/** Sends while the stream takes it, and again when it has room. */
function blast(stream: Stream): void {
  const fill = () => {
    while (stream.status === 'open' && stream.writeBufferLength < CHUNK.byteLength) {
      if (!stream.send(CHUNK)) break
    }
  }
  stream.addEventListener('drain', () => queueMicrotask(fill))
  fill()
  // One that never says no would keep this process from everything else.
  const timer = setInterval(() => {
    if (stream.status !== 'open') clearInterval(timer)
    else if (!stream.writableNeedsDrain) fill()
  }, 5)
}

/** One stream after another, so that they do not all send at the same moment. */
function pace(bytes: number, everyMs: number): void {
  const message = CHUNK.subarray(0, bytes)
  const startedAtMs = performance.now()
  let sent = 0
  setInterval(() => {
    const due = ((performance.now() - startedAtMs) / everyMs) * streams.length
    for (; sent < due; sent += 1) {
      const stream = streams[sent % streams.length]
      if (stream?.status === 'open' && !stream.writableNeedsDrain) stream.send(message)
    }
  }, PACE_STEP_MS)
}
