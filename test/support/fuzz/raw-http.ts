import { ascii, headerLines, httpGarbage, httpRequest, publicRequest } from './http-text.ts'
import { makePayload } from './payloads.ts'
import type { SeededRandom } from './random.ts'
import type { RawAttack, Target } from './raw.ts'

interface Listener {
  readonly name: string
  /** What it always answers. */
  readonly path: string
  port(target: Target): number | null
  /** A request that is well formed up to its body. */
  request(random: SeededRandom): Uint8Array
}

const LISTENERS: readonly Listener[] = [
  { name: 'http', path: '/health', port: ({ apiPort }) => apiPort, request: httpRequest },
  { name: 'public-http', path: '/', port: ({ publicPort }) => publicPort, request: publicRequest },
]

/** What strangers and programs gone wrong send to the HTTP API, and to the HTTP of the public. */
export const HTTP_ATTACKS: readonly RawAttack[] = LISTENERS.flatMap(attacksOn)

function attacksOn({ name, path, port, request }: Listener): RawAttack[] {
  const attack = (phase: string, script: RawAttack['script']): RawAttack => ({
    phase,
    port,
    isFor: (target) => port(target) !== null,
    script,
  })
  return [
    attack(name, (random) => [httpGarbage(random), makePayload(random)]),
    attack(`${name}-body`, (random) => [request(random), makePayload(random)]),
    attack(`${name}-slow-body`, (random) => [
      request(random),
      ...Array.from({ length: 40 }, () => random.bytes(random.int(1, 3))),
    ]),
    attack(`${name}-headers`, (random) => [
      ascii(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n`),
      ...Array.from({ length: random.int(1, 20) }, () => headerLines(random)),
    ]),
    attack(`${name}-pipeline`, (random) => [
      ascii(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(random.int(2, 300))),
      makePayload(random),
    ]),
  ]
}
