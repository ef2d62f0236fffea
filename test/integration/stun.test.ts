import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'

import { NetworkError } from '../../src/network/errors.ts'
import { createStunMetrics } from '../../src/network/stun/metrics.ts'
import { STUN_RATES, type StunRates, StunServer } from '../../src/network/stun/server.ts'
import { createMetrics, silentLogger } from '../../src/telemetry/index.ts'
import { parseMetrics } from '../support/node.ts'
import { waitFor } from '../support/wait-for.ts'

const REQUEST = Buffer.from('000100002112a442b7e7a701bc34d686fa87dfae', 'hex')

async function startStun(t: TestContext, rates: Partial<StunRates> = {}, port = 0) {
  const metrics = createMetrics()
  const server = new StunServer(
    { hosts: ['127.0.0.1', '::1'], port, rates: { ...STUN_RATES, ...rates } },
    { metrics: createStunMetrics(metrics), logger: silentLogger },
  )
  t.after(() => server.stop())
  await server.start()
  const counted = async (outcome: string) =>
    parseMetrics(await metrics.text()).get(`wesense_stun_requests_total{outcome="${outcome}"}`) ?? 0
  return { server, port: server.addresses[0]?.port ?? 0, counted }
}

async function client(t: TestContext, type: 'udp4' | 'udp6', ip: string): Promise<Socket> {
  const socket = createSocket(type)
  t.after(() => socket.close())
  socket.bind(0, ip)
  await once(socket, 'listening')
  return socket
}

async function ask(socket: Socket, port: number, ip: string): Promise<Buffer> {
  const answered = once(socket, 'message')
  socket.send(REQUEST, port, ip)
  return (await answered)[0]
}

test('a client of either family is told where it is seen', async (t) => {
  const { port, server } = await startStun(t)
  assert.deepEqual(
    server.addresses.map((address) => address.port),
    [port, port],
    'one port for both families',
  )
  const four = await client(t, 'udp4', '127.0.0.1')
  const answer = await ask(four, port, '127.0.0.1')
  assert.equal(answer.readUInt16BE(0), 0x0101)
  assert.equal(answer.readUInt16BE(26) ^ 0x2112, four.address().port)
  assert.equal((answer.readUInt32BE(28) ^ 0x2112a442) >>> 0, 0x7f000001)

  const six = await client(t, 'udp6', '::1')
  const sixAnswer = await ask(six, port, '::1')
  assert.equal(sixAnswer.readUInt16BE(26) ^ 0x2112, six.address().port)
  assert.equal(sixAnswer.readUInt8(25), 2)
})

test('a host that asks too often waits, another beside it is answered', async (t) => {
  const { port, counted } = await startStun(t, { hostBurst: 5, hostPerSecond: 0.001 })
  const greedy = await client(t, 'udp4', '127.0.0.1')
  for (let i = 0; i < 20; i += 1) greedy.send(REQUEST, port, '127.0.0.1')
  await waitFor(async () => (await counted('host-rate')) === 15, { message: 'fifteen refusals' })
  assert.equal(await counted('answered'), 5)
  const other = await client(t, 'udp4', '127.0.0.2')
  assert.equal((await ask(other, port, '127.0.0.1')).readUInt16BE(0), 0x0101)
})

test('however many hosts ask, no more is answered than in all is meant to be', async (t) => {
  const { port, counted } = await startStun(t, { totalPerSecond: 10, hostBurst: 1000 })
  const socket = await client(t, 'udp4', '127.0.0.1')
  for (let i = 0; i < 200; i += 1) socket.send(REQUEST, port, '127.0.0.1')
  await waitFor(async () => (await counted('total-rate')) > 100, { message: 'refusals in all' })
  assert.ok((await counted('answered')) < 100)
})

test('a host that floods takes none of what others are answered', async (t) => {
  const { port, counted } = await startStun(t, {
    hostBurst: 5,
    hostPerSecond: 0.001,
    totalPerSecond: 20,
  })
  const greedy = await client(t, 'udp4', '127.0.0.1')
  for (let i = 0; i < 200; i += 1) greedy.send(REQUEST, port, '127.0.0.1')
  await waitFor(async () => (await counted('host-rate')) === 195, { message: 'its refusals' })
  const other = await client(t, 'udp4', '127.0.0.2')
  assert.equal((await ask(other, port, '127.0.0.1')).readUInt16BE(0), 0x0101)
})

test('a sender that names port 0 is not answered, and ends nothing', async (t) => {
  const { port, counted } = await startStun(t)
  // Only a raw socket sends such a datagram: ports and length in front, and no checksum.
  const datagram = `struct.pack('!HHHH', 0, ${port}, 8 + ${REQUEST.length}, 0) + bytes.fromhex('${REQUEST.toString('hex')}')`
  const script = `import socket, struct
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP).sendto(${datagram}, ('127.0.0.1', 0))`
  await promisify(execFile)('python3', ['-c', script])
  await waitFor(async () => (await counted('not-binding')) === 1, { message: 'it is counted' })
  const socket = await client(t, 'udp4', '127.0.0.1')
  assert.equal((await ask(socket, port, '127.0.0.1')).readUInt16BE(0), 0x0101)
})

test('garbage is counted by what is wrong with it and never answered', async (t) => {
  const { port, counted } = await startStun(t)
  const socket = await client(t, 'udp4', '127.0.0.1')
  let answers = 0
  socket.on('message', () => (answers += 1))
  for (const bytes of [Buffer.alloc(3), Buffer.alloc(64), Buffer.alloc(1400, 0xff)]) {
    socket.send(bytes, port, '127.0.0.1')
  }
  const isCounted = async () => (await counted('length')) === 2 && (await counted('not-stun')) === 1
  await waitFor(isCounted, { message: 'three refusals' })
  assert.equal(answers, 0)
})

test('a port that is taken is named, and nothing stays open', async (t) => {
  const { port } = await startStun(t)
  const second = new StunServer(
    { hosts: ['::1', '127.0.0.1'], port, rates: STUN_RATES },
    { metrics: createStunMetrics(createMetrics()), logger: silentLogger },
  )
  await assert.rejects(second.start(), (error) => {
    assert.ok(error instanceof NetworkError)
    assert.equal(error.code, 'PORT_IN_USE')
    assert.match(error.message, new RegExp(`UDP port ${port} is in use`))
    return true
  })
  assert.deepEqual(second.addresses, [])
})

test('an address that this machine does not have is told in words', async () => {
  const server = new StunServer(
    { hosts: ['198.51.100.1'], port: 0, rates: STUN_RATES },
    { metrics: createStunMetrics(createMetrics()), logger: silentLogger },
  )
  await assert.rejects(server.start(), {
    message: 'cannot serve STUN on 198.51.100.1: this machine has no such address',
    facts: { host: '198.51.100.1', port: 0, reason: 'EADDRNOTAVAIL', listener: 'peers' },
  })
})

test('it starts and stops again and again', async (t) => {
  const { server, port } = await startStun(t)
  await server.start()
  assert.equal(server.addresses.length, 2)
  await server.stop()
  await server.stop()
  await server.start()
  const socket = await client(t, 'udp4', '127.0.0.1')
  const [address] = server.addresses
  assert.ok(port > 0)
  assert.equal((await ask(socket, address?.port ?? 0, '127.0.0.1')).length, 32)
})
