import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectSocket, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'

import type { Host } from '../../src/network/host.ts'
import { TEST_TLS } from './tls.ts'

interface CleanUp {
  after(fn: () => void): void
}

export const WS_LISTEN = { hosts: ['127.0.0.1'], tcpPort: 0, ws: { port: 0, tls: null } }

/** A request to become a WebSocket. */
export const UPGRADE =
  'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n\r\n`

export function wsAddress(host: Host): string {
  return host.listenAddresses().find((address) => address.endsWith('/ws')) ?? ''
}

/** A raw socket to the WebSocket listener. */
export async function rawSocket(
  t: CleanUp,
  host: Host,
  address = wsAddress(host),
): Promise<Socket> {
  const port = Number(address.split('/')[4])
  const socket = connectSocket(port, '127.0.0.1')
  socket.on('error', () => {})
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** The same after the HTTP upgrade. */
export async function upgradedSocket(t: CleanUp, host: Host): Promise<Socket> {
  const socket = await rawSocket(t, host)
  socket.write(UPGRADE)
  const [answer] = await once(socket, 'data')
  assert.match(String(answer), /^HTTP\/1.1 101/)
  return socket
}

/** The same of a listener with TLS. */
export async function secureUpgradedSocket(t: CleanUp, host: Host): Promise<TLSSocket> {
  const port = Number(wsAddress(host).split('/')[4])
  const socket = connectTls({ port, host: '127.0.0.1', ca: TEST_TLS.cert, servername: 'localhost' })
  socket.on('error', () => {})
  t.after(() => socket.destroy())
  await once(socket, 'secureConnect')
  socket.write(UPGRADE)
  const [answer] = await once(socket, 'data')
  assert.match(String(answer), /^HTTP\/1.1 101/)
  return socket
}

/** @returns what came before the end */
export async function closed(socket: Socket): Promise<Buffer> {
  const received: Buffer[] = []
  socket.on('data', (bytes) => received.push(bytes))
  socket.resume()
  // However it ends.
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(received)
}

/** A frame as clients send it, with a mask of zeros. */
export function maskedFrame(
  opcode: number,
  payload: Uint8Array = Buffer.alloc(0),
  isLast = true,
): Buffer {
  return Buffer.concat([frameHead(opcode, payload.length, { isLast, isMasked: true }), payload])
}

export interface FrameHeadOptions {
  readonly isLast?: boolean
  readonly isMasked?: boolean
}

export function frameHead(
  opcode: number,
  length: number,
  { isLast = true, isMasked = false }: FrameHeadOptions = {},
): Buffer {
  const head = Buffer.alloc(10 + (isMasked ? 4 : 0))
  head.writeUInt8((isLast ? 0x80 : 0) | opcode, 0)
  head.writeUInt8((isMasked ? 0x80 : 0) | 127, 1)
  head.writeBigUInt64BE(BigInt(length), 2)
  if (opcode < 8) return head
  // Of what is no message the length stands in the second byte.
  return Buffer.concat([Buffer.of(head[0] ?? 0, (isMasked ? 0x80 : 0) | length), head.subarray(10)])
}

/** What the first byte of a frame says. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const
