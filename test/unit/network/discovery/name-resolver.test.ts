import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import packet from 'dns-packet'

import {
  createLearnedNameResolver,
  createSystemResolver,
} from '../../../../src/network/discovery/name-resolver.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { settle } from '../fakes.ts'

describe('system resolver', () => {
  it('knows localhost, and ends with the signal', async () => {
    const resolver = createSystemResolver()
    const { signal } = new AbortController()
    const found = await resolver.addresses('localhost', 'any', signal)
    assert.ok(found.includes('127.0.0.1') || found.includes('::1'))
    await assert.rejects(
      resolver.addresses('localhost', 4, AbortSignal.abort(new Error('stop'))),
      /stop/,
    )
  })

  it('waits until the system has asked the second name server, and the third', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const after = (ms: number, answer: { address: string }[]) =>
      new Promise<{ address: string }[]>((resolve) => setTimeout(() => resolve(answer), ms))
    // glibc gives each 5 s.
    const late = { second: 5_020, third: 10_040, none: 60_000 }
    const resolver = createSystemResolver(
      (name) => after(late[name as keyof typeof late], [{ address: '192.0.2.7' }]),
      3,
    )
    const { signal } = new AbortController()
    const found = Promise.allSettled(
      Object.keys(late).map((name) => resolver.addresses(name, 'any', signal)),
    )
    for (let ms = 0; ms < 12_000; ms += 500) {
      await settle()
      t.mock.timers.tick(500)
    }
    assert.deepEqual(
      (await found).map((one) => (one.status === 'fulfilled' ? one.value : one.reason.code)),
      [['192.0.2.7'], ['192.0.2.7'], 'DEADLINE'],
    )
  })

  it('drops a lookup that nobody waits for any more, so that the next is not behind it', async () => {
    const asked: string[] = []
    const { promise: answer, resolve: answerAll } = Promise.withResolvers<[]>()
    const resolver = createSystemResolver((name) => {
      asked.push(name)
      return answer
    })
    const controller = new AbortController()
    const find = (name: string, signal: AbortSignal) => resolver.addresses(name, 'any', signal)
    const stuck = ['a', 'b'].map((name) => find(name, new AbortController().signal))
    const given = Array.from({ length: 50 }, (_, n) => find(`dead-${n}`, controller.signal))
    const seed = find('seed', new AbortController().signal)
    assert.deepEqual(asked, ['a', 'b'])
    controller.abort(new Error('given up'))
    const outcomes = await Promise.allSettled(given)
    assert.ok(outcomes.every(({ status }) => status === 'rejected'))
    answerAll([])
    await Promise.all([...stuck, seed])
    assert.deepEqual(asked, ['a', 'b', 'seed'])
  })
})

describe('a resolver of names that others tell', () => {
  const refuse = () => Promise.reject(new Error('the system is not to be asked'))
  const { signal } = new AbortController()

  it('asks the name servers for both kinds of address, and no thread', async (t) => {
    const server = await startNameServer(t, { 'station.example': ['192.0.2.7', '2001:db8::7'] })
    const resolver = createLearnedNameResolver([server.address], refuse)
    const find = (family: 4 | 6 | 'any') => resolver.addresses('station.example', family, signal)
    assert.deepEqual((await find('any')).sort(), ['192.0.2.7', '2001:db8::7'])
    assert.deepEqual(await find(4), ['192.0.2.7'])
    assert.deepEqual(await find(6), ['2001:db8::7'])
    await assert.rejects(resolver.addresses('nobody.example', 'any', signal), { code: 'ENODATA' })
  })

  for (const name of ['nas.local', 'wesense-orbitdb']) {
    it(`asks the system for ${name}, which is a name of a LAN`, async () => {
      const resolver = createLearnedNameResolver(['127.0.0.1:1'], async () => [
        { address: '192.168.1.9' },
      ])
      assert.deepEqual(await resolver.addresses(name, 4, signal), ['192.168.1.9'])
    })
  }

  it('asks eight at a time, and gives up with its signal', async (t) => {
    const server = await startNameServer(t, {}, { isMute: true })
    const resolver = createLearnedNameResolver([server.address], refuse)
    const controller = new AbortController()
    const given = Array.from({ length: 50 }, (_, n) =>
      resolver.addresses(`silent-${n}.example`, 4, controller.signal),
    )
    const outcomes = Promise.allSettled(given)
    await waitFor(() => server.asked.size === 8, { message: 'eight queries' })
    controller.abort(new Error('given up'))
    assert.ok((await outcomes).every(({ status }) => status === 'rejected'))
    assert.equal(server.asked.size, 8)
  })
})

/** A name server on loopback that knows a few names. */
async function startNameServer(
  t: TestContext,
  names: Readonly<Record<string, readonly string[]>>,
  { isMute = false } = {},
): Promise<{ readonly address: string; readonly asked: ReadonlySet<string> }> {
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  const asked = new Set<string>()
  socket.on('message', (bytes, from) => {
    const { id, questions = [] } = packet.decode(bytes)
    const { name = '', type = 'A' } = questions[0] ?? {}
    asked.add(name)
    if (isMute) return
    const found = (names[name] ?? []).filter((ip) => ip.includes(':') === (type === 'AAAA'))
    const answers = found.map((data) => ({ type, name, data, ttl: 1 }) as packet.StringAnswer)
    const reply = packet.encode({ type: 'response', id, questions, answers })
    socket.send(reply, from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { address: `127.0.0.1:${socket.address().port}`, asked }
}
