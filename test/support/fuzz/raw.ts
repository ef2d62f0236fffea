import { connect, type Socket } from 'node:net'

import { concat, makePayload, varint } from './payloads.ts'
import type { SeededRandom } from './random.ts'

/** Ports of one node on loopback. */
export interface Target {
  readonly tcpPort: number
  readonly wsPort: number
  readonly apiPort: number
}

export interface RawAttack {
  readonly phase: string
  port(target: Target): number
  /** What is sent, one write after another, each when something was answered or a moment has passed. */
  script(random: SeededRandom): readonly Uint8Array[]
}

const MULTISTREAM = line('/multistream/1.0.0')
/** A socket that nobody ends is ended by us. */
const LIFE_MS = 1500
const PAUSE_MS = 15

export const RAW_ATTACKS: readonly RawAttack[] = [
  tcp('tcp', (random) => [makePayload(random)]),
  tcp('multistream', (random) => [MULTISTREAM, makePayload(random)]),
  tcp('multistream-line', (random) => [
    MULTISTREAM,
    line(random.pick(['ls', 'na', '/x', '/noise\0', '/yamux/1.0.0', 'é'.repeat(90)])),
    makePayload(random),
  ]),
  tcp('multistream-length', (random) => [
    MULTISTREAM,
    varint(random.pick([0, 1025, 70_000, 2 ** 28, 2 ** 35])),
    random.bytes(random.int(0, 2000)),
  ]),
  tcp('noise', (random) => [
    concat(MULTISTREAM, line('/noise')),
    noiseFrame(random, random.int(0, 200)),
    noiseFrame(random, random.int(0, 600)),
  ]),
  tcp('noise-cut', (random) => [
    concat(MULTISTREAM, line('/noise')),
    noiseFrame(random, 32),
    noiseFrame(random, 200).subarray(0, random.int(0, 150)),
  ]),
  ws('websocket-upgrade', (random) => [httpGarbage(random)]),
  ws('websocket-cut', (random) => [upgrade(random).subarray(0, random.int(1, 120))]),
  ws('websocket-frames', (random) => [
    upgrade(random),
    ...Array.from({ length: random.int(1, 4) }, () => frame(random)),
  ]),
  ws('websocket-multistream', (random) => [
    upgrade(random),
    frame(random, MULTISTREAM),
    frame(random, makePayload(random)),
  ]),
  {
    phase: 'http',
    port: ({ apiPort }) => apiPort,
    script: (random) => [httpGarbage(random), makePayload(random)],
  },
  {
    phase: 'http-body',
    port: ({ apiPort }) => apiPort,
    script: (random) => [httpRequest(random), makePayload(random)],
  },
]

/** Runs one attack to its end. Never throws: what the node does to the socket is its own affair. */
export async function attackRaw(
  attack: RawAttack,
  target: Target,
  random: SeededRandom,
): Promise<void> {
  const socket = connect(attack.port(target), '127.0.0.1')
  const isOver = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => {})
  const life = setTimeout(() => socket.destroy(), LIFE_MS)
  try {
    for (const bytes of attack.script(random)) {
      if (socket.destroyed) break
      socket.write(bytes)
      await answered(socket)
    }
    if (random.chance(0.4)) socket.resetAndDestroy()
    else if (random.chance(0.5)) socket.end()
    else socket.destroy()
    socket.resume()
    await isOver
  } finally {
    clearTimeout(life)
  }
}

function answered(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      socket.off('data', done)
      socket.off('close', done)
      resolve()
    }
    const timer = setTimeout(done, PAUSE_MS)
    socket.once('data', done)
    socket.once('close', done)
  })
}

function tcp(phase: string, script: RawAttack['script']): RawAttack {
  return { phase, port: ({ tcpPort }) => tcpPort, script }
}

function ws(phase: string, script: RawAttack['script']): RawAttack {
  return { phase, port: ({ wsPort }) => wsPort, script }
}

function line(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(`${text}\n`)
  return concat(varint(bytes.length), bytes)
}

function noiseFrame(random: SeededRandom, length: number): Uint8Array {
  const said = random.chance(0.8) ? length : random.int(0, 65_535)
  return concat(Uint8Array.from([said >> 8, said & 0xff]), random.bytes(length))
}

function upgrade(random: SeededRandom): Uint8Array {
  const key = Buffer.from(random.bytes(16)).toString('base64')
  return ascii(
    `GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  )
}

/** A frame with any bits, or a good one around a payload. */
function frame(random: SeededRandom, payload?: Uint8Array): Uint8Array {
  const body = payload ?? random.bytes(random.int(0, 200))
  const first = payload === undefined ? random.int(0, 255) : 0x82
  const isMasked = payload !== undefined || random.chance(0.7)
  const length = payload === undefined ? random.pick([0, 1, 125, 126, 127]) : 126
  const head = [first, (isMasked ? 0x80 : 0) | length]
  if (length === 126) head.push(body.length >> 8, body.length & 0xff)
  if (length === 127) head.push(...random.bytes(8))
  const mask = isMasked ? [0, 0, 0, 0] : []
  return concat(Uint8Array.from([...head, ...mask]), body)
}

function httpGarbage(random: SeededRandom): Uint8Array {
  return random.pick([
    () => random.bytes(random.int(1, 400)),
    () => ascii(`GET ${'/'.repeat(random.int(1, 20_000))} HTTP/1.1\r\nHost: x\r\n\r\n`),
    () => ascii(`GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(random.int(1, 3000))}\r\n`),
    () => ascii('GET / HTTP/9.9\r\n\r\n'),
    () => ascii('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n'),
    () =>
      ascii(
        'PUT /nodes/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nzz\r\n',
      ),
    () => ascii('\r\n'.repeat(random.int(1, 2000))),
    () => upgrade(random),
  ])()
}

/** A request that is well formed up to its body. */
function httpRequest(random: SeededRandom): Uint8Array {
  const id = random.pick(['a', '%00', '..%2f..', '__proto__', '%ff', 'x'.repeat(300), '🌡'])
  const path = random.pick(['nodes', 'trust', 'stores', 'attestations', 'registry', 'health'])
  const method = random.pick(['PUT', 'DELETE', 'GET', 'OPTIONS', 'HEAD', 'TRACE', 'PATCH'])
  const length = random.pick([0, 10, 100_000, 10_000_000])
  const type = random.pick(['application/json', 'text/plain', ''])
  return ascii(
    `${method} /${path}/${id} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\n` +
      `Content-Length: ${length}\r\n\r\n`,
  )
}

function ascii(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text))
}
