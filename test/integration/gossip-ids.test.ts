import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Host } from '../../src/network/host.ts'
import { type Control, inner, startAttacker, TOPIC } from '../support/gossip-attacker.ts'
import { startHost } from '../support/host.ts'
import { waitFor } from '../support/wait-for.ts'

let count = 0

/** IDs of which no two are the same. */
function idsOf(bytes: number, many: number): Uint8Array[] {
  return Array.from({ length: many }, () => {
    count += 1
    const id = Buffer.alloc(bytes)
    id.writeUInt32BE(count)
    return id
  })
}

/** A host that read everything before when it has judged this. */
async function startJudge(t: Parameters<typeof startHost>[0]) {
  const server = await startHost(t, { dht: null })
  let judged = 0
  server.transport.subscribe(
    TOPIC,
    () => {
      judged += 1
      return 'ignore'
    },
    () => {},
  )
  return { server, judged: () => judged }
}

const kept = (server: Host) => ({
  refused: inner(server, 'idontwants').size,
  promised: inner(server, 'gossipTracer', 'promises').size,
})

test('an ID of 100 KB is neither kept nor asked for, and who goes on with such is sent away', async (t) => {
  const { server, judged } = await startJudge(t)
  const { host, send, sign } = await startAttacker(t, server)
  const id = idsOf(100_000, 1)
  const lists: Control[] = [
    { ihave: [{ topicID: TOPIC, messageIDs: id }] },
    { idontwant: [{ messageIDs: id }] },
  ]
  for (const control of lists) {
    const before = judged()
    await send({ messages: [await sign(Buffer.from([1]))], control })
    await waitFor(() => judged() > before, { message: 'the message beside it' })
  }
  await send({ messages: [await sign(Buffer.from([2]))] })
  await waitFor(() => judged() === 3, { message: 'what came after it' })
  assert.deepEqual(kept(server), { refused: 0, promised: 0 })
  const control = { ihave: [{ topicID: TOPIC, messageIDs: idsOf(100_000, 5) }] }
  await send({ control }, { control }).catch(() => {})
  await waitFor(() => server.standing.isShunned(host.peerId), { message: 'it is shunned' })
})

test('what a peer refuses is not kept, however much it is', async (t) => {
  const { server, judged } = await startJudge(t)
  const { send, sign } = await startAttacker(t, server)
  const control = { idontwant: [{ messageIDs: idsOf(44, 120) }] }
  await send({ control }, { control, messages: [await sign(Buffer.from([1]))] })
  await waitFor(() => judged() === 1, { message: 'what came with it' })
  assert.deepEqual(kept(server), { refused: 0, promised: 0 })
})
