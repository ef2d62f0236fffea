import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'
import packet from 'dns-packet'

import { MdnsSource } from '../../../../src/network/discovery/mdns.ts'
import { boundMdnsPackets } from '../../../../src/network/guards/mdns-packets.ts'
import { quietLog } from '../../../../src/network/quiet-log.ts'
import { silentLogger } from '../../../../src/telemetry/index.ts'
import { waitFor } from '../../../support/wait-for.ts'

const question = packet.encode({
  type: 'query',
  questions: [{ name: '_test-discovery._udp.local', type: 'PTR' }],
})

/** A chain of pointers, each to the one before, and records whose names begin at its end. */
function chained(bytes: number): Buffer {
  const header = Buffer.alloc(12)
  const pointers = Math.min(8_000, Math.floor(bytes / 4))
  const chain = Buffer.alloc(2 * pointers)
  for (let i = 1; i < pointers; i += 1) chain.writeUInt16BE(0xc000 | (12 + 2 * (i - 1)), 2 * i)
  // The chain is the data of a first record, and ends in the root's name.
  const first = Buffer.concat([Buffer.from([0, 0, 10, 0, 1, 0, 0, 0, 0]), Buffer.alloc(2)])
  first.writeUInt16BE(chain.length, 9)
  for (let i = 0; i < pointers; i += 1) {
    const to = i === 0 ? 0 : 12 + first.length + 2 * (i - 1)
    chain.writeUInt16BE(i === 0 ? 0 : 0xc000 | to, 2 * i)
  }
  const last = 12 + first.length + 2 * (pointers - 1)
  const record = Buffer.from([0xc0 | (last >> 8), last & 255, 0, 10, 0, 1, 0, 0, 0, 0, 0, 0])
  const count = Math.floor((bytes - 12 - first.length - chain.length) / record.length)
  header.writeUInt16BE(0x8400, 2)
  header.writeUInt16BE(1 + count, 6)
  return Buffer.concat([header, first, chain, ...Array.from({ length: count }, () => record)])
}

function timed(work: () => unknown): number {
  const startedMs = performance.now()
  work()
  return performance.now() - startedMs
}

test('a packet whose names lead through thousands of pointers is not read, a shorter one costs little', () => {
  boundMdnsPackets()
  assert.throws(() => packet.decode(chained(60_000)), { name: 'NetworkError' })
  const longest = chained(4_000)
  packet.decode(longest)
  const tookMs = timed(() => packet.decode(longest))
  assert.ok(tookMs < 50, `${tookMs} ms`)
})

test('so many packets a second are read, and again in the next one', () => {
  let nowMs = 0
  boundMdnsPackets({ now: () => nowMs })
  for (let n = 0; n < 256; n += 1) packet.decode(question)
  assert.throws(() => packet.decode(question), { name: 'NetworkError' })
  nowMs += 1000
  for (let n = 0; n < 64; n += 1) packet.decode(question)
  assert.throws(() => packet.decode(question), { name: 'NetworkError' })
})

test('the responder of a station reads what the bound lets through and nothing else', async (t) => {
  const port = 40_000 + (process.pid % 20_000)
  const source = new MdnsSource(
    { serviceTag: '_test-discovery._udp.local', port, intervalMs: 60_000 },
    {
      ownAddresses: () => [multiaddr('/ip4/10.0.0.1/tcp/4002')],
      ownPeerId: '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp',
      libp2pLogger: quietLog,
      propose: () => true,
      logger: silentLogger,
    },
  )
  const unbounded = packet.decode
  source.start()
  t.after(() => source.stop())
  await waitFor(() => packet.decode !== unbounded, { message: 'it listens' })
  const bounded = packet.decode
  const seen = new Set<string>()
  const watched = (bytes: Buffer, offset?: number) => {
    seen.add(`${bytes.length} came`)
    const read = bounded(bytes, offset)
    seen.add(`${bytes.length} read`)
    return read
  }
  packet.decode = Object.assign(watched, { bytes: 0 })
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  const long = chained(60_000)
  const isDone = () => {
    for (const bytes of [long, question]) socket.send(bytes, port, '127.0.0.1')
    return seen.has(`${long.length} came`) && seen.has(`${question.length} read`)
  }
  await waitFor(isDone, { message: 'both came' })
  assert.equal(seen.has(`${long.length} read`), false)
})
