import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import type { RegistryTransport } from '../../src/network/types.ts'
import { startOfEpoch } from '../../src/registry/epochs/calendar.ts'
import type { TrustRecord } from '../../src/registry/index.ts'
import {
  DAY_MS,
  entriesIn,
  FIRST,
  HOUR_MS,
  MINUTE_MS,
  moveTo,
  newClock,
  nodeAt,
  openEpochs,
  passTimeUntil,
  startEpochStation,
  turnTo,
} from '../support/epoch-station.ts'
import { MovingClock } from '../support/moving-clock.ts'
import { createMemoryNetwork } from '../support/registry-transport.ts'
import { waitFor } from '../support/wait-for.ts'

const KEY = Buffer.alloc(32, 1).toString('base64')
/** Four logs in each of the previous, the current and the next epoch. */
const TOPICS_LIMIT = 12

/** The transport with a list of the topics and protocols that it serves. */
function watched(transport: RegistryTransport) {
  const topics = new Set<string>()
  const protocols = new Set<string>()
  const watching: RegistryTransport = {
    ...transport,
    subscribe: (topic, ...rest) => {
      topics.add(topic)
      transport.subscribe(topic, ...rest)
    },
    unsubscribe: (topic) => {
      topics.delete(topic)
      transport.unsubscribe(topic)
    },
    handle: async (protocol, ...rest) => {
      protocols.add(protocol)
      await transport.handle(protocol, ...rest)
    },
    unhandle: async (protocol) => {
      protocols.delete(protocol)
      await transport.unhandle(protocol)
    },
  }
  return { watching, topics, protocols }
}

for (const nodeTtlDays of [30, 90, 365]) {
  test(`a time to live of ${nodeTtlDays} days opens no more topics than one of a week, and shows absent stations as long`, async (t) => {
    const network = createMemoryNetwork()
    const identity = await createEphemeralIdentity()
    const { watching, topics, protocols } = watched(network.join(identity.peerId))
    const a = await startEpochStation(t, network, {
      clock: newClock(),
      nodeTtlDays,
      identity,
      transport: watching,
    })
    const absent = await startEpochStation(t, network, { clock: newClock(), nodeTtlDays })
    network.connect(a.identity.peerId, absent.identity.peerId)
    await absent.registry.writer.put('nodes', 'absent', {})
    await waitFor(() => nodeAt(a, 'absent'), { message: 'the record of who will be absent' })
    network.disconnect(a.identity.peerId, absent.identity.peerId)
    await absent.registry.stop()

    const turns = Math.floor(nodeTtlDays / 14)
    for (let epoch = FIRST + 1; epoch <= FIRST + turns; epoch += 1) {
      await turnTo([a], epoch)
      assert.ok(topics.size <= TOPICS_LIMIT, `${topics.size} topics in epoch ${epoch}`)
      assert.ok(protocols.size <= TOPICS_LIMIT + 1, `${protocols.size} protocols`)
      assert.ok(nodeAt(a, 'absent'), `shown in epoch ${epoch}`)
    }
    assert.ok(openEpochs(a).includes(FIRST), 'it is read still')
    await a.registry.stop()
    assert.equal(topics.size, 0)
    await a.registry.start()
    assert.ok(nodeAt(a, 'absent'), 'and after a restart')
    assert.ok(topics.size <= TOPICS_LIMIT)
    const newcomer = await startEpochStation(t, network, {
      clock: new MovingClock(a.clock.now()),
      nodeTtlDays,
    })
    assert.ok(openEpochs(newcomer).length <= 3, 'nothing is opened that is not there')

    moveTo([a], startOfEpoch(FIRST + 1) + nodeTtlDays * DAY_MS)
    await passTimeUntil([a], () => !openEpochs(a).includes(FIRST), {
      message: 'the first epoch deleted',
      stepMs: MINUTE_MS,
    })
    assert.equal(nodeAt(a, 'absent'), null)
  })
}

test('with a time to live of a year a revocation of who is absent is carried on, and old logs are deleted', async (t) => {
  const network = createMemoryNetwork()
  const nodeTtlDays = 365
  const author = await startEpochStation(t, network, { clock: newClock(), nodeTtlDays })
  const b = await startEpochStation(t, network, { clock: newClock(), nodeTtlDays })
  network.connect(author.identity.peerId, b.identity.peerId)
  await author.registry.writer.put('trust', 'ing', { public_key: KEY })
  await author.registry.writer.revokeTrust('ing')
  await waitFor(
    () => b.registry.view.get<TrustRecord>('trust', 'ing')?.value.versions['1']?.revoked_at,
    { message: 'the revocation' },
  )
  network.disconnect(author.identity.peerId, b.identity.peerId)
  await author.registry.stop()
  await turnTo([b], FIRST + 1)
  moveTo([b], startOfEpoch(FIRST + 1) + 7 * DAY_MS)
  await passTimeUntil([b], () => entriesIn(b, FIRST + 1, 'trust') === 1, {
    message: 'carried into the next epoch',
    stepMs: HOUR_MS,
  })
  moveTo([b], startOfEpoch(FIRST + 1) + nodeTtlDays * DAY_MS)
  await passTimeUntil([b], () => !openEpochs(b).includes(FIRST), {
    message: 'the old epoch deleted',
    stepMs: HOUR_MS,
  })
  assert.equal(b.registry.view.claims('trust', 'ing')[0]?.author, author.identity.peerId)
})
