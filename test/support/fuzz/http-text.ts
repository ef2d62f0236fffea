import { concat } from './payloads.ts'
import type { SeededRandom } from './random.ts'

export function ascii(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text))
}

export function upgrade(random: SeededRandom): Uint8Array {
  const key = Buffer.from(random.bytes(16)).toString('base64')
  return ascii(
    `GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  )
}

export function httpGarbage(random: SeededRandom): Uint8Array {
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

export function headerLines(random: SeededRandom): Uint8Array {
  return random.pick([
    () => ascii('x-a: b\r\n'.repeat(random.int(1, 400))),
    () => ascii(`x-${'y'.repeat(random.int(1, 9000))}: ${'z'.repeat(random.int(1, 9000))}\r\n`),
    () => ascii(`origin: ${random.pick(['null', 'http://evil.test', '\u0001'])}\r\n`),
    () => concat(ascii('cookie: '), random.bytes(random.int(1, 200)), ascii('\r\n')),
    () => ascii('\r\n'),
  ])()
}

const ODD_IDS = ['a', '%00', '..%2f..', '__proto__', '%ff', 'x'.repeat(300), '🌡']

/** A request to the API that is well formed up to its body. */
export function httpRequest(random: SeededRandom): Uint8Array {
  const path = random.pick(['nodes', 'trust', 'stores', 'attestations', 'registry', 'health'])
  return request(random, `/${path}/${random.pick(ODD_IDS)}`)
}

/** A request to the listener for everybody that is well formed up to its body. */
export function publicRequest(random: SeededRandom): Uint8Array {
  const id = random.pick([...ODD_IDS, '12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB'])
  const path = random.pick([
    () => '/bootstrap?network=fuzzed&protocol=1',
    () => `/bootstrap?network=${id}&network=${id}&protocol=`,
    () => `/registry/nodes?after=${id}`,
    () => `/routing/v1/${random.pick(['peers', 'providers', 'ipns'])}/${id}`,
    () => `/routing/v1/peers/${id}?filter-addrs=${'tcp,'.repeat(random.int(0, 900))}`,
    () => `/${id}?${'a&'.repeat(random.int(0, 2000))}`,
  ])()
  return request(random, path)
}

function request(random: SeededRandom, path: string): Uint8Array {
  const method = random.pick(['PUT', 'DELETE', 'GET', 'OPTIONS', 'HEAD', 'TRACE', 'PATCH'])
  const length = random.pick([0, 10, 100_000, 10_000_000])
  const type = random.pick(['application/json', 'text/plain', ''])
  return ascii(
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\n` +
      `Content-Length: ${length}\r\n\r\n`,
  )
}
