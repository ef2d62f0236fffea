import assert from 'node:assert/strict'
import { test } from 'node:test'

import { systemClock } from '../../../../src/lib/clock.ts'
import type { PeerStream } from '../../../../src/network/types.ts'
import { LogServer } from '../../../../src/registry/replication/log-server.ts'
import { encodeValue } from '../../../../src/registry/store/entry-codec.ts'
import { silentLogger } from '../../../../src/telemetry/index.ts'
import { createStreamPair } from '../../../support/registry-transport.ts'

const SERVED_LIMIT = 32
const signal = AbortSignal.timeout(20_000)

async function startServer() {
  let serve: (stream: PeerStream) => Promise<void> = async () => {}
  let asked = 0
  const server = new LogServer('test', {
    transport: {
      handle: async (_protocol, handler) => {
        serve = handler
      },
      unhandle: async () => {},
    },
    conduct: { offend: () => {}, failedToUs: () => {} },
    logger: silentLogger,
    clock: systemClock,
    databaseAt: () => {
      asked += 1
      return null
    },
  })
  await server.start()
  const open = (peerId: string) => {
    const [ours, theirs] = createStreamPair(peerId, 'server')
    return { ours, done: serve(theirs) }
  }
  return { server, open, asked: () => asked }
}

test('places are free again when transfers end, well or not', async () => {
  const { server, open, asked } = await startServer()
  const request = encodeValue({ log: 'none', have: [], want: [], first: 0 })
  for (let i = 0; i < 2 * SERVED_LIMIT; i += 1) {
    const { ours, done } = open(`peer-${i}`)
    await ours.send(request, signal)
    await done
  }
  assert.equal(asked(), 2 * SERVED_LIMIT, 'each was looked at')
  await server.stop()
})

test('so many are served at once, and all end with the server', async () => {
  const { server, open } = await startServer()
  const waiting = Array.from({ length: SERVED_LIMIT }, (_, i) => open(`peer-${i}`))
  const refused = open('one more').done.then(() => 'one more')
  const others = waiting.map(({ done }) => done.then(() => 'another'))
  assert.equal(await Promise.race([refused, ...others]), 'one more')
  await server.stop()
  await Promise.all(waiting.map((one) => one.done))
})
