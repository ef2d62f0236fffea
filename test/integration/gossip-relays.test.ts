import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Host } from '../../src/network/host.ts'
import { type HostLimits, hostLimits } from '../../src/network/limits.ts'
import { inner, rpcFrame, soon, startAttacker, TOPIC } from '../support/gossip-attacker.ts'
import { connect, startHost } from '../support/host.ts'
import { waitFor } from '../support/wait-for.ts'

interface Rate {
  readonly burst: number
  readonly perSecond: number
}

/** What a minute of gossip may come to, a hundredth of it, all at once. */
const minute = ({ burst, perSecond }: Rate): Rate => ({
  burst: Math.floor((burst + 60 * perSecond) / 100),
  perSecond: 0,
})

function minuteLimits(): HostLimits {
  const limits = hostLimits(1_024)
  const { gossipRpc } = limits
  const { rpcs, messages, controls, refusals, messagesInAll, patience } = gossipRpc
  return {
    ...limits,
    gossipRpc: {
      ...gossipRpc,
      rpcs: minute(rpcs),
      messages: minute(messages),
      controls: minute(controls),
      refusals: minute(refusals),
      patience: minute(patience),
      messagesInAll: {
        strangers: minute(messagesInAll.strangers),
        known: minute(messagesInAll.known),
      },
    },
  }
}

/** Entries that a registry takes in that time of all peers. */
const TAKEN = minute({ burst: 1_024, perSecond: 200 }).burst
const ENTRY = Buffer.alloc(600, 1)
const LAST = Buffer.from([9])

function join(host: Host): { taken: number; heard: number[] } {
  const seen: { taken: number; heard: number[] } = { taken: 0, heard: [] }
  host.transport.subscribe(
    TOPIC,
    (_from, bytes) => {
      if (bytes.length === LAST.length) return 'accept'
      seen.taken += 1
      return seen.taken <= TAKEN ? 'accept' : 'ignore'
    },
    (_from, bytes) => void seen.heard.push(bytes[0] ?? 0),
  )
  return seen
}

const inMeshOf = (host: Host, { peerId }: Host) =>
  inner<Map<string, Set<string>>>(host, 'mesh').get(TOPIC)?.has(peerId)

test('a minute of floods by two strangers makes nobody doubt the station that passes them on', async (t) => {
  const limits = minuteLimits()
  const station = await startHost(t, { dht: null, limits })
  const neighbour = await startHost(t, { dht: null, limits })
  const [atStation, atNeighbour] = [join(station), join(neighbour)]
  await connect(neighbour, station)
  await waitFor(() => inMeshOf(station, neighbour) && inMeshOf(neighbour, station), {
    message: 'both are in the mesh of the other',
  })
  const perStranger = limits.gossipRpc.messages.burst
  for (let i = 0; i < 2; i++) {
    const { stream, sign } = await startAttacker(t, station)
    for (let sent = 0; sent < perStranger; sent += 50) {
      const messages = await Promise.all(Array.from({ length: 50 }, () => sign(ENTRY)))
      await stream.send(rpcFrame({ messages }), soon())
    }
  }
  const read = Math.min(2 * perStranger, limits.gossipRpc.messagesInAll.strangers.burst)
  await waitFor(() => atStation.taken >= read, { message: 'the station has read what it reads' })
  // Comes after all that the station passed on.
  await station.transport.publish(TOPIC, LAST)
  await waitFor(() => atNeighbour.heard.includes(9), { message: 'the neighbour hears the last' })
  assert.equal(atNeighbour.heard.length, TAKEN + 1)
  assert.equal(neighbour.standing.penaltyOf(station.peerId), 0)
  assert.ok(!neighbour.standing.isShunned(station.peerId))
})

test('entries of 8 KiB come to a neighbour that asks for a hundred at once, and the link stays', async (t) => {
  const station = await startHost(t, { dht: null })
  const neighbour = await startHost(t, { dht: null })
  const heard = new Set<number>()
  station.transport.subscribe(
    TOPIC,
    () => 'accept',
    () => {},
  )
  neighbour.transport.subscribe(
    TOPIC,
    () => 'accept',
    (_from, bytes) => void heard.add(bytes[0] ?? 0),
  )
  await connect(neighbour, station)
  await waitFor(() => inMeshOf(station, neighbour) && inMeshOf(neighbour, station), {
    message: 'both are in the mesh of the other',
  })
  stayOutOfMesh(station, neighbour)
  stayOutOfMesh(neighbour, station)
  const stream = inner(station, 'streamsOutbound').get(neighbour.peerId)
  const { send, sign } = await startAttacker(t, station)
  for (let first = 0; first < 100; first += 20) {
    const numbers = Array.from({ length: 20 }, (_, i) => first + i)
    await send({ messages: await Promise.all(numbers.map((i) => sign(Buffer.alloc(8_000, i)))) })
  }
  await waitFor(() => heard.size === 100, { message: 'all of them', timeoutMs: 10_000 })
  assert.equal(inner(station, 'streamsOutbound').get(neighbour.peerId), stream)
  assert.equal(neighbour.standing.penaltyOf(station.peerId), 0)
})

/** As where the mesh is full: the other hears of messages, and asks for them. */
function stayOutOfMesh(host: Host, { peerId }: Host): void {
  inner<Map<string, Set<string>>>(host, 'mesh').get(TOPIC)?.delete(peerId)
  inner<Map<string, Map<string, number>>>(host, 'backoff').set(
    TOPIC,
    new Map([[peerId, Date.now() + 120_000]]),
  )
}
