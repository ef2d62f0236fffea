import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { headsProtocol } from '../../src/registry/replication/heads-exchange.ts'
import { transferProtocol } from '../../src/registry/replication/log-transfer.ts'
import { hashOf } from '../../src/registry/store/entry-codec.ts'
import { MovingClock } from '../support/moving-clock.ts'
import { forgeEntry } from '../support/registry.ts'
import { answerOf } from '../support/registry-answer.ts'
import { startReplica } from '../support/registry-replica.ts'
import { createMemoryNetwork } from '../support/registry-transport.ts'
import { waitFor } from '../support/wait-for.ts'

const signal = AbortSignal.timeout(60_000)
const HANDLER = { maxInboundStreams: 4, maxOutboundStreams: 4, timeoutMs: 30_000 }
/** No transfer follows another one in the time of a test. */
const INTERVAL_MS = 3_600_000
/** Longer than what came early is kept for a transfer that does not come to its turn. */
const LONG_MS = 130_000

/**
 * A station, and a peer whose transfer brings an entry that joins and one whose parent nobody has, and is reset
 * then: it helped, so another one is to follow.
 */
async function startScene(t: TestContext) {
  const network = createMemoryNetwork()
  const clock = new MovingClock(Date.now())
  const options = { clock, exchangeIntervalMs: INTERVAL_MS }
  const station = await startReplica(t, network, options)
  const { address } = station.nodes
  const identity = await createEphemeralIdentity()
  const transport = network.join(identity.peerId)
  const entry = (localId: string, next: string[]) =>
    forgeEntry({ identity, address, localId, signed: { next } }).bytes
  const joins = entry('joins', [])
  const head = entry('head', [hashOf(joins)])
  const orphan = entry('orphan', [hashOf(entry('nobody-has', []))])
  await transport.handle(
    headsProtocol(address),
    async (stream) => {
      await stream.send(head, signal)
      await stream.close(signal)
    },
    HANDLER,
  )
  const isShown = () => station.view.get('nodes', 'orphan') !== null
  await transport.handle(
    transferProtocol('test'),
    async (stream) => {
      await stream.send(answerOf(address, [joins, orphan]), signal)
      await waitFor(() => station.nodes.has(hashOf(joins)) && isShown(), { message: 'both' })
      stream.abort(new Error('reset'))
    },
    HANDLER,
  )
  transport.subscribe(
    address,
    () => 'ignore',
    () => {},
  )
  network.connect(identity.peerId, station.identity.peerId)
  const exchanges = async (outcome: string) => (await station.metrics.text()).includes(outcome)
  await waitFor(() => exchanges('exchanges_total{kind="log",outcome="failed"} 1'), {
    message: 'the end of the transfer',
  })
  assert.equal(isShown(), true, 'it is kept for the next transfer')
  return {
    clock,
    isShown,
    leave: () => network.disconnect(identity.peerId, station.identity.peerId),
    /** Begins an exchange of heads itself, and has none. */
    comeWithNothing: async () => {
      const stream = await transport.open(station.identity.peerId, headsProtocol(address), signal)
      await stream.close(signal)
      for await (const _ of stream.chunks());
    },
  }
}

test('what a peer sent early is shown no longer when it comes with heads itself and none waits', async (t) => {
  const { isShown, comeWithNothing } = await startScene(t)
  await comeWithNothing()
  await waitFor(() => !isShown(), { message: 'the end of what is shown' })
})

test('nor when it leaves while another transfer is to follow', async (t) => {
  const { isShown, leave } = await startScene(t)
  leave()
  await waitFor(() => !isShown(), { message: 'the end of what is shown' })
})

test('nor when that transfer does not come to its turn', async (t) => {
  const { clock, isShown } = await startScene(t)
  clock.advance(LONG_MS)
  await waitFor(() => !isShown(), { message: 'the end of what is shown' })
})
