import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as yieldToLoop } from 'node:timers/promises'

import { createEphemeralIdentity } from '../../../../src/identity/index.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import type { PeerStream } from '../../../../src/network/types.ts'
import { LogServer } from '../../../../src/registry/replication/log-server.ts'
import { LogWalks } from '../../../../src/registry/replication/log-walks.ts'
import type { RegistryDatabase } from '../../../../src/registry/store/database.ts'
import { encodeValue, hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { LogSketch } from '../../../../src/registry/store/log-sketch.ts'
import { NameDigests } from '../../../../src/registry/store/name-digests.ts'
import { silentLogger } from '../../../../src/telemetry/index.ts'
import { openInMemory } from '../../../support/databases.ts'
import { longestBlock } from '../../../support/event-loop.ts'
import { createStreamPair } from '../../../support/registry-transport.ts'

const signal = AbortSignal.timeout(60_000)
const identity = await createEphemeralIdentity()

/** A log of so many entries as far as its index knows; each has the same block. */
async function openLog(t: TestContext, entries: number): Promise<RegistryDatabase> {
  const database = (await openInMemory(t, identity)).get('nodes')
  let next: string[] = []
  for (let i = 0; i < entries; i += 1) {
    const hash = hashOf(Buffer.from(String(i)))
    database.log.add(hash, next)
    database.log.setCounting(hash, i % 3 === 0)
    next = [hash]
  }
  const block = Buffer.alloc(500)
  t.mock.method(database, 'getBytesMany', async (hashes: readonly string[]) => {
    await yieldToLoop()
    return hashes.map(() => block)
  })
  return database
}

async function startServer(database: RegistryDatabase) {
  let serve: (stream: PeerStream) => Promise<void> = async () => {}
  const server = new LogServer('test', {
    transport: {
      handle: async (_protocol, handler) => {
        serve = handler
      },
      unhandle: async () => {},
      isKnown: () => false,
      sourceOf: (peerId) => peerId,
    },
    conduct: { offend: () => {}, failedToUs: () => {} },
    logger: silentLogger,
    clock: systemClock,
    databaseAt: () => database,
  })
  await server.start()
  const sketch = LogSketch.of(NameDigests.of([hashOf(Buffer.from('another'))])).encode()
  const log = database.address
  const request = encodeValue({ log, have: [], want: [], first: 10_000, sketch, after: null })
  /** Asks for all and reads the first bytes of it. @returns whether there were any */
  const ask = async (peerId: string): Promise<boolean> => {
    const [ours, theirs] = createStreamPair(peerId, 'server')
    const done = serve(theirs)
    const chunks = ours.chunks()[Symbol.asyncIterator]()
    await ours.send(request, signal).catch(() => {})
    const isServed = await chunks.next().then(
      ({ done: isOver }) => isOver !== true,
      () => false,
    )
    ours.abort(new Error('enough'))
    await done
    return isServed
  }
  return { server, ask }
}

test('a log of a hundred thousand is served, to many at once, with turns of the loop in between', async (t) => {
  const { server, ask } = await startServer(await openLog(t, 100_000))
  await ask('first')
  let served = 0
  const count = async (peerId: string) => {
    if (await ask(peerId)) served += 1
  }
  const block = await longestBlock(() =>
    Promise.all(Array.from({ length: 10 }, (_, i) => count(`peer-${i}`))),
  )
  assert.equal(served, 10)
  assert.ok(block < 50, `${block.toFixed(0)} ms`)
  await server.stop()
})

test('beside ten peers that ask for a long log without end a local write goes on', async (t) => {
  const database = await openLog(t, 100_000)
  const { server, ask } = await startServer(database)
  let [isOver, asked, slowestMs] = [false, 0, 0]
  const attack = async (peerId: string) => {
    while (!isOver) {
      await ask(peerId)
      asked += 1
      await yieldToLoop()
    }
  }
  const attacks = Array.from({ length: 40 }, (_, i) => attack(`peer-${i % 10}`))
  const processorMs = () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  while (asked < 240) {
    const startedMs = processorMs()
    const payload = { op: 'DEL', key: `${identity.peerId}/own`, value: null } as const
    await database.append(payload)
    // As a disk does.
    for (let i = 0; i < 10; i += 1) await yieldToLoop()
    slowestMs = Math.max(slowestMs, processorMs() - startedMs)
  }
  isOver = true
  await Promise.all(attacks)
  assert.ok(slowestMs < 500, `${slowestMs.toFixed(0)} ms`)
  await server.stop()
})

test('so many entries are walked for all strangers, and as many more for known stations', async () => {
  let nowMs = 0
  const walks = new LogWalks({ now: () => nowMs })
  for (let i = 0; i < 40; i += 1) await walks.begin(100_000, false)
  await assert.rejects(walks.begin(100_000, false), /busy/)
  for (let i = 0; i < 40; i += 1) await walks.begin(100_000, true)
  await assert.rejects(walks.begin(100_000, true), /busy/)
  nowMs += 1000
  for (let i = 0; i < 10; i += 1) await walks.begin(100_000, false)
  await assert.rejects(walks.begin(100_000, false), /busy/)
})

test('a log longer than what is walked at once is walked when nothing else was', async () => {
  let nowMs = 0
  const walks = new LogWalks({ now: () => nowMs })
  await walks.begin(9_000_000, false)
  await assert.rejects(walks.begin(1000, false), /busy/)
  nowMs += 4000
  await walks.begin(9_000_000, false)
})

test('each walk has a turn of its own', async () => {
  const walks = new LogWalks({ now: () => 0 })
  let walked = 0
  const walk = () =>
    walks.begin(1, false).then(() => {
      walked += 1
    })
  const all = [walk(), walk(), walk()]
  for (let turns = 0; turns < 3; turns += 1) {
    assert.ok(walked <= turns, `${walked} after ${turns} turns`)
    await yieldToLoop()
  }
  await Promise.all(all)
  assert.equal(walked, 3)
})
