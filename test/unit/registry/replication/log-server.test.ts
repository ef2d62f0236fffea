import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import { createEphemeralIdentity } from '../../../../src/identity/index.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import type { PeerStream } from '../../../../src/network/types.ts'
import { LogServer } from '../../../../src/registry/replication/log-server.ts'
import { NEXT_PAGE, PAGE_BYTES } from '../../../../src/registry/replication/log-transfer.ts'
import type { RegistryDatabase } from '../../../../src/registry/store/database.ts'
import { encodeValue } from '../../../../src/registry/store/entry-codec.ts'
import { silentLogger } from '../../../../src/telemetry/index.ts'
import { openInMemory } from '../../../support/databases.ts'
import { createStreamPair } from '../../../support/registry-transport.ts'
import { waitFor } from '../../../support/wait-for.ts'

const SERVED_LIMIT = 32
const FOR_STRANGERS = 24
const signal = AbortSignal.timeout(20_000)
const identity = await createEphemeralIdentity()

async function startServer(database: RegistryDatabase | null = null) {
  let serve: (stream: PeerStream) => Promise<void> = async () => {}
  let asked = 0
  let nowMs = systemClock.now()
  const server = new LogServer('test', {
    transport: {
      handle: async (_protocol, handler) => {
        serve = handler
      },
      unhandle: async () => {},
      isKnown: (peerId) => peerId.startsWith('known'),
      sourceOf: (peerId) => peerId,
    },
    conduct: { offend: () => {}, failedToUs: () => {} },
    logger: silentLogger,
    clock: { ...systemClock, now: () => nowMs },
    databaseAt: () => {
      asked += 1
      return database
    },
  })
  await server.start()
  const open = (peerId: string) => {
    const [ours, theirs] = createStreamPair(peerId, 'server')
    return { ours, done: serve(theirs) }
  }
  const request = encodeValue({ log: database?.address ?? 'none', have: [], want: [], first: 0 })
  /** Asks and reads what comes; one that is mute asks for no second page. */
  const ask = async (peerId: string, { isMute = false } = {}) => {
    const { ours, done } = open(peerId)
    const state = { bytes: 0, end: null as string | null, done }
    const read = async () => {
      for await (const chunk of ours.chunks()) {
        state.bytes += chunk.length
        if (!isMute) await ours.send(NEXT_PAGE, signal)
      }
    }
    await ours.send(request, signal).catch(() => {})
    read().then(
      () => {
        state.end = 'whole'
      },
      (error: Error) => {
        state.end = error.message
      },
    )
    await waitFor(() => state.end !== null || state.bytes >= PAGE_BYTES, { message: 'an answer' })
    return state
  }
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { server, open, ask, pass, request, asked: () => asked }
}

/** A log of three pages. */
async function openLongLog(t: TestContext): Promise<RegistryDatabase> {
  const databases = await openInMemory(t, identity)
  const database = databases.get('nodes')
  for (let i = 0; i < 150; i += 1) {
    const localId = `i-${i}`
    const updated_at = '2026-01-01T00:00:00.000Z'
    const value = { ingester_id: localId, node_name: 'x'.repeat(4000), updated_at }
    await database.append({ op: 'PUT', key: `${identity.peerId}/${localId}`, value })
  }
  return database
}

test('places are free again when transfers end, well or not', async () => {
  const { server, open, asked, request } = await startServer()
  for (let i = 0; i < 2 * SERVED_LIMIT; i += 1) {
    const { ours, done } = open(`peer-${i}`)
    await ours.send(request, signal)
    await done
  }
  assert.equal(asked(), 2 * SERVED_LIMIT, 'each was looked at')
  await server.stop()
})

test('so many are served at once, some of them known, and all end with the server', async (t) => {
  const { server, ask } = await startServer(await openLongLog(t))
  const waiting = []
  for (let i = 0; i < FOR_STRANGERS; i += 1) {
    waiting.push(await ask(`peer-${i}`, { isMute: true }))
  }
  assert.equal((await ask('one more')).end, 'busy')
  for (let i = FOR_STRANGERS; i < SERVED_LIMIT; i += 1) {
    waiting.push(await ask(`known-${i}`, { isMute: true }))
  }
  assert.equal((await ask('known and one more')).end, 'busy')
  assert.deepEqual(new Set(waiting.map(({ end }) => end)), new Set([null]))
  await server.stop()
  await Promise.all(waiting.map(({ done }) => done))
})

test('who asks and says no more keeps nobody out for long', async (t) => {
  const { server, ask, pass } = await startServer(await openLongLog(t))
  const mute = []
  for (let i = 0; i < 8; i += 1) {
    for (let n = 0; n < 4; n += 1) mute.push(await ask(`mute-${i}`, { isMute: true }))
  }
  pass(1000)
  const honest = await ask('honest')
  await waitFor(() => honest.end !== null, { timeoutMs: 2000, message: 'the end of its log' })
  assert.equal(honest.end, 'whole')
  assert.equal(mute.filter(({ end }) => end === null).length, FOR_STRANGERS - 1)
  await server.stop()
})

test('a peer that sends no request takes no place, and four streams of it are waited for', async (t) => {
  const { server, open, ask } = await startServer(await openLongLog(t))
  const silent = Array.from({ length: 2 * SERVED_LIMIT }, (_, i) => open(`silent-${i}`))
  assert.equal((await ask('honest', { isMute: true })).end, null)
  const four = Array.from({ length: 4 }, () => open('one'))
  assert.equal((await ask('one')).end, 'busy')
  await server.stop()
  await Promise.all([...silent, ...four].map(({ done }) => done))
})
