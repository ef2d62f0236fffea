import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { httpGarbage, upgrade } from './http-text.ts'
import { concat, makePayload, varint } from './payloads.ts'
import type { SeededRandom } from './random.ts'
import { HTTP_ATTACKS } from './raw-http.ts'
import type { Trail } from './trail.ts'

/** Ports of one node on loopback. */
export interface Target {
  readonly tcpPort: number
  readonly wsPort: number
  readonly apiPort: number
  /** HTTP for everybody; null: not served. */
  readonly publicPort: number | null
  /** null: nothing listens on UDP. */
  readonly udp: { readonly webRtcPort: number; readonly stunPort: number } | null
  /** Whether the WebSocket's port speaks TLS. */
  readonly isTls: boolean
  /** Whether a nonce comes first, from which on all is scrambled. */
  readonly isPrivate: boolean
}

export interface RawAttack {
  readonly phase: string
  /** null: none of this target. */
  port(target: Target): number | null
  /** @default any target */
  isFor?(target: Target): boolean
  /** In TLS. @default false */
  readonly isTls?: boolean
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
  {
    phase: 'private-network',
    port: ({ tcpPort }) => tcpPort,
    isFor: ({ isPrivate }) => isPrivate,
    script: (random) => [random.bytes(random.pick([24, 24, 24, 5])), makePayload(random)],
  },
  tls('tls-upgrade', (random) => [httpGarbage(random)]),
  tls('tls-frames', (random) => [
    upgrade(random),
    ...Array.from({ length: random.int(1, 4) }, () => frame(random)),
  ]),
  tls('tls-multistream', (random) => [
    upgrade(random),
    frame(random, MULTISTREAM),
    frame(random, makePayload(random)),
  ]),
  {
    phase: 'tls-records',
    port: ({ wsPort }) => wsPort,
    isFor: ({ isTls }) => isTls,
    script: (random) => [tlsRecord(random), random.bytes(random.int(0, 300))],
  },
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
  ...HTTP_ATTACKS,
]

/**
 * Runs one attack to its end. Never throws: what the node does to the socket is its own affair.
 * @returns whether the node let it come to what the attack is about
 */
export async function attackRaw(
  attack: RawAttack,
  target: Target,
  random: SeededRandom,
  trail: Trail,
): Promise<boolean> {
  const port = attack.port(target)
  if (port === null) throw new Error(`nothing to connect to for ${attack.phase}`)
  const at = { port, host: '127.0.0.1' }
  const isTls = attack.isTls === true
  const socket = isTls ? connectTls({ ...at, rejectUnauthorized: false }) : connect(at)
  const isOver = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const isConnected = new Promise<void>((resolve) =>
    socket.once(isTls ? 'secureConnect' : 'connect', resolve),
  )
  socket.on('error', () => {})
  const life = setTimeout(() => socket.destroy(), LIFE_MS)
  const script = attack.script(random)
  let sent = 0
  try {
    await Promise.race([isConnected, isOver])
    for (const bytes of script) {
      if (socket.destroyed) break
      trail.note(attack.phase, bytes)
      socket.write(bytes)
      sent += 1
      await answered(socket)
    }
    // A TLS socket cannot be reset.
    if (random.chance(0.4) && !isTls) socket.resetAndDestroy()
    else if (random.chance(0.5)) socket.end()
    else socket.destroy()
    socket.resume()
    await isOver
  } finally {
    clearTimeout(life)
  }
  // The first step only leads to where the second is about something.
  return sent >= Math.min(2, script.length)
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
  return { phase, port: ({ wsPort }) => wsPort, isFor: ({ isTls }) => !isTls, script }
}

function tls(phase: string, script: RawAttack['script']): RawAttack {
  return { phase, port: ({ wsPort }) => wsPort, isFor: ({ isTls }) => isTls, isTls: true, script }
}

/** A handshake's head and bytes that are none. */
function tlsRecord(random: SeededRandom): Uint8Array {
  const body = random.bytes(random.int(0, 400))
  const head = [random.pick([20, 21, 22, 23, 128]), 3, random.int(0, 4)]
  return concat(Uint8Array.from([...head, body.length >> 8, body.length & 0xff]), body)
}

function line(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(`${text}\n`)
  return concat(varint(bytes.length), bytes)
}

/** Of any length, and now and then of another than it says. */
export function noiseFrame(random: SeededRandom, length: number): Uint8Array {
  const said = random.chance(0.8) ? length : random.int(0, 65_535)
  return concat(Uint8Array.from([said >> 8, said & 0xff]), random.bytes(length))
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
