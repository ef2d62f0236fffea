import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate as yieldToLoop } from 'node:timers/promises'

import type { RegistryTransport } from '../../src/network/types.ts'
import { headsProtocol } from '../../src/registry/replication/heads-exchange.ts'
import { transferProtocol } from '../../src/registry/replication/log-transfer.ts'
import { MovingClock } from '../support/moving-clock.ts'
import { startReplica, type TestReplica } from '../support/registry-replica.ts'
import { createMemoryNetwork } from '../support/registry-transport.ts'
import { waitFor } from '../support/wait-for.ts'

const TRANSFER = transferProtocol('test')

/** A station that holds a head when the log that it asks for cannot be taken any more. */
async function startScene(
  t: TestContext,
  onTransfer: (room: { acceptsRemote: boolean }) => void,
  aheadMs = 0,
) {
  const network = createMemoryNetwork()
  const clock = new MovingClock(Date.now() + aheadMs)
  const room = { acceptsRemote: true, noteStored: () => {} }
  const asked = { transfers: 0, heads: 0 }
  const count = (transport: RegistryTransport): RegistryTransport => ({
    ...transport,
    open: (peerId, protocol, signal) => {
      if (protocol === TRANSFER) {
        asked.transfers += 1
        onTransfer(room)
      }
      if (protocol === headsProtocol(other.nodes.address)) asked.heads += 1
      return transport.open(peerId, protocol, signal)
    },
  })
  const other = await startReplica(t, network)
  for (let i = 0; i < 20; i += 1) await other.put(`i-${i}`)
  const station = await startReplica(t, network, { wrap: count, room, clock })
  network.connect(other.identity.peerId, station.identity.peerId)
  return { network, clock, room, asked, other, station }
}

async function pass(clock: MovingClock, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i += 1) {
    clock.advance(1000)
    for (let turn = 0; turn < 20; turn += 1) await yieldToLoop()
  }
}

const hasAll = ({ nodes }: TestReplica) => nodes.log.size === 20

describe('what cannot be taken for now', () => {
  test('is not asked for again and again by a station that has no room, and comes when it has', async (t) => {
    const scene = await startScene(t, (room) => {
      room.acceptsRemote = false
    })
    const { clock, asked, station, other, room } = scene
    await waitFor(() => asked.transfers > 0, { message: 'the first transfer' })
    await pass(clock, 600)
    // A round of anti-entropy each minute, and no more.
    assert.ok(asked.transfers <= 16, `${asked.transfers} transfers in ten minutes`)
    assert.ok(asked.heads <= 32, `${asked.heads} exchanges of heads`)
    assert.equal(station.nodes.log.size, 0)
    assert.equal(station.transport.penaltyOf(other.identity.peerId), 0)
    assert.equal(other.transport.penaltyOf(station.identity.peerId), 0)
    const { transfers } = asked
    Object.defineProperty(room, 'acceptsRemote', { get: () => true, set: () => {} })
    await pass(clock, 75)
    await waitFor(() => hasAll(station), { message: 'the whole log' })
    assert.ok(asked.transfers > transfers)
  })

  test('comes a minute after a clock that was behind is set right', async (t) => {
    const { clock, asked, station, other } = await startScene(t, () => {}, -20 * 60_000)
    await waitFor(() => asked.heads > 0, { message: 'the first exchange' })
    await pass(clock, 300)
    assert.ok(asked.transfers + asked.heads <= 16, `${asked.transfers} transfers, ${asked.heads}`)
    assert.equal(station.nodes.log.size, 0)
    clock.advance(15 * 60_000)
    await pass(clock, 75)
    await waitFor(() => hasAll(station), { message: 'the whole log' })
    assert.equal(station.transport.penaltyOf(other.identity.peerId), 0)
  })

  test('comes a minute after a clock that was ahead is set right', async (t) => {
    const { clock, station, other, network } = await startScene(t, () => {}, 3 * 3_600_000)
    await waitFor(() => hasAll(station), { message: 'the whole log' })
    network.dropGossip(true)
    clock.advance(-3 * 3_600_000)
    await other.put('later')
    await pass(clock, 75)
    await waitFor(() => station.view.get('nodes', 'later'), { message: 'what is new since' })
  })
})
