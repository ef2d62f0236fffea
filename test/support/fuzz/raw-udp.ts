import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

import { bend, concat, makePayload } from './payloads.ts'
import type { SeededRandom } from './random.ts'
import type { Target } from './raw.ts'
import { ATTRIBUTE, type Attribute, bindingRequest, iceAnswer, iceCheck } from './stun.ts'
import type { Trail } from './trail.ts'

type UdpPorts = NonNullable<Target['udp']>

export interface UdpAttack {
  readonly phase: string
  port(udp: UdpPorts): number
  /** Whether the node has to take the sender for an ICE agent. @default false */
  readonly isIce?: boolean
  /** @param ufrag name and password of an agent */
  script(random: SeededRandom, ufrag: string): readonly Uint8Array[]
}

/** A node makes few connections at once for one host: those of honest browsers come from another one. */
const HOSTS = ['127.0.0.2', '127.0.0.3']
/** Between two datagrams, if nothing is answered. */
const PAUSE_MS = 15
/** What one loopback datagram holds without being cut. */
const DATAGRAM_BYTES = 16_000

export const UDP_ATTACKS: readonly UdpAttack[] = [
  onWebRtc('webrtc-udp', (random) => datagrams(random, 4, () => makePayload(random))),
  onWebRtc('webrtc-stun', (random, ufrag) =>
    datagrams(random, 4, () => bentBinding(random, ufrag)),
  ),
  onWebRtc('webrtc-dtls', (random, ufrag) => [
    iceCheck(random.bytes(12), ufrag),
    iceCheck(random.bytes(12), ufrag),
    ...datagrams(random, 6, () => dtlsRecord(random)),
  ]),
  {
    phase: 'stun',
    port: ({ stunPort }) => stunPort,
    script: (random, ufrag) => datagrams(random, 6, () => bentBinding(random, ufrag)),
  },
  {
    phase: 'stun-udp',
    port: ({ stunPort }) => stunPort,
    script: (random) => datagrams(random, 6, () => makePayload(random)),
  },
]

/** Runs one attack to its end. @returns whether somebody listened, and took the sender for what it has to be */
export async function attackWithDatagrams(
  { phase, port, isIce = false, script }: UdpAttack,
  { udp }: Target,
  random: SeededRandom,
  trail: Trail,
): Promise<boolean> {
  if (udp === null) throw new Error(`nothing listens on UDP for ${phase}`)
  const ufrag = `libp2p+webrtc+v1/${Buffer.from(random.bytes(16)).toString('hex')}`
  const socket = createSocket('udp4')
  let isRefused = false
  let isAgent = false
  socket.on('error', () => {
    isRefused = true
  })
  try {
    socket.bind(0, random.pick(HOSTS))
    await once(socket, 'listening')
    socket.connect(port(udp), '127.0.0.1')
    await once(socket, 'connect')
    socket.on('message', (bytes, from) => {
      const answer = isIce ? iceAnswer(bytes, ufrag, from.port) : null
      if (answer === null) return
      isAgent = true
      socket.send(answer, () => {})
    })
    for (const datagram of script(random, ufrag)) {
      const bytes = datagram.subarray(0, DATAGRAM_BYTES)
      trail.note(phase, bytes)
      socket.send(bytes, () => {})
      await answered(socket)
    }
  } finally {
    socket.close()
  }
  return !isRefused && (isAgent || !isIce)
}

function onWebRtc(phase: string, script: UdpAttack['script']): UdpAttack {
  return { phase, port: ({ webRtcPort }) => webRtcPort, isIce: phase === 'webrtc-dtls', script }
}

function datagrams(random: SeededRandom, most: number, make: () => Uint8Array): Uint8Array[] {
  return Array.from({ length: random.int(1, most) }, make)
}

/** With a name, attributes and lengths that are right, or not. */
function bentBinding(random: SeededRandom, ufrag: string): Uint8Array {
  const name = random.pick([
    `${ufrag}:${ufrag}`,
    ufrag,
    `libp2p+webrtc+v1/${random.pick(['', '\r\na=x', 'é', '\0', 'x'.repeat(500), '__proto__'])}`,
    ':'.repeat(random.int(0, 40)),
  ])
  const attributes: Attribute[] = [[ATTRIBUTE.username, Buffer.from(name)]]
  for (let i = random.int(0, 4); i > 0; i -= 1) {
    attributes.push([random.int(0, 0xffff), random.bytes(random.int(0, 60))])
  }
  const bytes = bindingRequest(random.bytes(12), attributes)
  // Lengths of the whole, or of its first attribute, that are not theirs.
  if (random.chance(0.3)) {
    bytes.writeUInt16BE(random.pick([0, 1, 4, 0xffff]), random.pick([2, 22]))
  }
  return random.chance(0.3) ? bend(random, bytes) : bytes
}

/** The head of a record, DTLS 1.2 mostly, and a body that is cut or is none. */
function dtlsRecord(random: SeededRandom): Uint8Array {
  const body = random.chance(0.5) ? clientHello(random) : random.bytes(random.int(0, 300))
  const said = random.chance(0.7) ? body.length : random.int(0, 0xffff)
  const type = random.pick([20, 21, 22, 22, 22, 23, 25, 0])
  const version = random.chance(0.8) ? [0xfe, 0xfd] : [random.int(0, 255), random.int(0, 255)]
  const epoch = [0, random.chance(0.8) ? 0 : 1]
  const head = [type, ...version, ...epoch, ...random.bytes(6), said >> 8, said & 0xff]
  const record = concat(Uint8Array.from(head), body)
  return random.chance(0.3) ? record.subarray(0, random.int(0, record.length)) : record
}

/** As far as its head goes: what it announces is random. */
function clientHello(random: SeededRandom): Uint8Array {
  const body = concat(Uint8Array.of(0xfe, 0xfd), random.bytes(random.int(0, 200)))
  const length = [0, body.length >> 8, body.length & 0xff]
  const fragment = random.chance(0.7) ? length : [...random.bytes(3)]
  return concat(Uint8Array.from([1, ...length, 0, 0, 0, 0, 0, ...fragment]), body)
}

function answered(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      socket.off('message', done)
      resolve()
    }
    const timer = setTimeout(done, PAUSE_MS)
    socket.once('message', done)
  })
}
