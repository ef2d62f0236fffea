import { ascii, headerLines, httpGarbage, httpRequest } from './http-text.ts'
import { makePayload } from './payloads.ts'
import type { RawAttack } from './raw.ts'

/** What strangers and programs gone wrong send to the HTTP API. */
export const HTTP_ATTACKS: readonly RawAttack[] = [
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
  {
    phase: 'http-slow-body',
    port: ({ apiPort }) => apiPort,
    script: (random) => [
      httpRequest(random),
      ...Array.from({ length: 40 }, () => random.bytes(random.int(1, 3))),
    ],
  },
  {
    phase: 'http-headers',
    port: ({ apiPort }) => apiPort,
    script: (random) => [
      ascii('GET /health HTTP/1.1\r\nHost: localhost\r\n'),
      ...Array.from({ length: random.int(1, 20) }, () => headerLines(random)),
    ],
  },
  {
    phase: 'http-pipeline',
    port: ({ apiPort }) => apiPort,
    script: (random) => [
      ascii('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(random.int(2, 300))),
      makePayload(random),
    ],
  },
]
