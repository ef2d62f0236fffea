import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'

import type { NodeStatus, PeersReply } from '../../src/api/types.ts'
import { call } from '../support/api.ts'
import { parseMetrics } from '../support/node.ts'
import { type Program, runProgram, startProgram } from '../support/process.ts'
import { waitFor } from '../support/wait-for.ts'

const WRITERS = 24
/** Answered writes before the writing station is killed. */
const ENOUGH_WRITES = 200

/** One station's process, and the folder that outlives it. */
interface Station {
  readonly name: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  program: Program
}

describe('a seed and three stations that list it', { timeout: 120_000 }, () => {
  const cleanups: (() => unknown)[] = []
  const scope = { after: (job: () => unknown) => void cleanups.unshift(job) }
  let seed: Station
  let stations: readonly Station[]
  let seedAddress = ''

  async function launch(name: string, env: Readonly<Record<string, string>>): Promise<Station> {
    const cwd = await mkdtemp(join(tmpdir(), `wesense-test-${name}-`))
    scope.after(() => rm(cwd, { recursive: true, force: true, maxRetries: 3 }))
    const options = { cwd, env: { API_RATE_LIMIT: '1000000', WS_ENABLED: 'false', ...env } }
    return { name, ...options, program: await startProgram(scope, options) }
  }

  before(async () => {
    seed = await launch('seed', {})
    const port = /\/tcp\/(\d+)/.exec(seed.program.addresses[0] ?? '')?.[1]
    seedAddress = `127.0.0.1:${port}`
    const env = { ORBITDB_BOOTSTRAP_PEERS: seedAddress }
    stations = await Promise.all(['a', 'b', 'c'].map((name) => launch(name, env)))
  })
  after(async () => {
    for (const cleanup of cleanups) await cleanup()
  })

  const isUp = ({ program }: Station) => program.child.exitCode === null && !program.child.killed
  const everyone = () => [seed, ...stations].filter(isUp)
  const withoutOne = (one: Station) => everyone().filter((other) => other !== one)

  async function get<T>({ program }: Station, path: string): Promise<T> {
    const { status, json } = await call(program.apiUrl, path)
    assert.equal(status, 200)
    return json
  }

  /** Resolves once each of them is connected to all the others. */
  async function meshed(): Promise<void> {
    for (const station of everyone()) {
      const expected = withoutOne(station).map(({ program }) => program.peerId)
      await waitFor(
        async () => {
          const { peers } = await get<PeersReply>(station, '/peers')
          const known = peers.filter((peer) => peer.is_station).map((peer) => peer.peer_id)
          return expected.every((peerId) => known.includes(peerId))
        },
        { timeoutMs: 20_000, message: `${station.name} is connected to all the others` },
      )
    }
  }

  async function nodeIds(station: Station): Promise<Set<string>> {
    const { nodes } = await get<{ nodes: { ingester_id: string }[] }>(station, '/nodes')
    return new Set(nodes.map(({ ingester_id }) => ingester_id))
  }

  /** Writes without pause through many requests at a time, until the station is gone. */
  async function writeUntilGone({ program }: Station, answered: Set<string>): Promise<void> {
    const write = async (writer: number) => {
      for (let i = 0; ; i += 1) {
        const id = `writer-${writer}-${i}`
        const put = { method: 'PUT', body: { node_name: id, regions: ['nz'], version: i } }
        const answer = await call(program.apiUrl, `/nodes/${id}`, put).catch(() => null)
        if (answer === null) return
        assert.equal(answer.status, 200, answer.text)
        answered.add(id)
      }
    }
    await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)))
  }

  it('are all connected to each other, and each says so', async (t) => {
    const since = performance.now()
    await meshed()
    t.diagnostic(`all connected ${ms(since)} ms after the last was ready`)
    for (const station of everyone()) {
      const { port } = new URL(station.program.apiUrl)
      const askedAt = performance.now()
      const { code, out, error } = await runProgram({
        cwd: station.cwd,
        args: ['status', '--json', '--port', port],
      })
      t.diagnostic(`status of ${station.name} in ${ms(askedAt)} ms`)
      assert.equal(code, 0, error)
      const status: NodeStatus = JSON.parse(out)
      assert.equal(status.peer_id, station.program.peerId)
      assert.equal(status.connections.stations, 3)
      assert.deepEqual(status.ready.ok, true)
      assert.deepEqual(
        status.seeds.map(({ seed: input, state }) => [input, state]),
        station === seed ? [] : [[seedAddress, 'connected']],
      )
    }
  })

  it('read on all of them what was put on one, within 5 s', async (t) => {
    const [writer] = stations
    assert.ok(writer)
    const body = { node_name: 'Kākāpō', regions: ['nz'], zenoh_endpoint: 'tcp/10.0.0.1:7447' }
    const since = performance.now()
    const answer = await call(writer.program.apiUrl, '/nodes/ingester-1', { method: 'PUT', body })
    assert.deepEqual([answer.status, answer.json.ok], [200, true])
    const written = await get(writer, '/nodes/ingester-1')
    for (const other of withoutOne(writer)) {
      const read = await waitFor(
        async () => {
          const { status, json } = await call(other.program.apiUrl, '/nodes/ingester-1')
          return status === 200 && json
        },
        { timeoutMs: 5000 - ms(since), message: `${other.name} has the record` },
      )
      assert.deepEqual(read, written)
    }
    t.diagnostic(`record on all four after ${ms(since)} ms`)
  })

  it('lose no answered write when the writing station is killed', async (t) => {
    const [writer] = stations
    assert.ok(writer)
    const { peerId } = writer.program
    const answered = new Set<string>()
    const since = performance.now()
    const writing = writeUntilGone(writer, answered)
    await waitFor(() => answered.size >= ENOUGH_WRITES, {
      timeoutMs: 40_000,
      message: `${ENOUGH_WRITES} answered writes`,
    })
    const { signal } = await writer.program.stop('SIGKILL')
    await writing
    assert.equal(signal, 'SIGKILL')
    t.diagnostic(`${answered.size} writes answered in ${ms(since)} ms, then SIGKILL`)

    const restartedAt = performance.now()
    writer.program = await startProgram(scope, writer)
    t.diagnostic(`ready again after ${ms(restartedAt)} ms`)
    assert.equal(writer.program.peerId, peerId)
    const there = await nodeIds(writer)
    assert.deepEqual(missing(answered, there), [])
    // Beyond those: the record of the test before, and writes whose answer the kill cut off.
    assert.ok(there.size <= answered.size + 1 + WRITERS, `${there.size} of ${answered.size}`)
    for (const other of withoutOne(writer)) {
      await waitFor(async () => missing(answered, await nodeIds(other)).length === 0, {
        timeoutMs: 15_000,
        message: `${other.name} has all that was answered`,
      })
    }
    t.diagnostic(`all of it on the others ${ms(restartedAt)} ms after the restart`)
    const lost = [...parseMetrics((await call(writer.program.apiUrl, '/metrics')).text)].filter(
      ([name, value]) => name.startsWith('wesense_registry_lost_blocks_total') && value > 0,
    )
    assert.deepEqual(lost, [])
  })

  it('stay together without the seed, and one that restarts comes back by itself', async (t) => {
    await meshed()
    const before = new Map(stations.map((station) => [station, departures(station).length]))
    await seed.program.stop('SIGKILL')
    for (const station of stations) {
      await waitFor(async () => (await get<PeersReply>(station, '/peers')).peers.length === 2, {
        message: `${station.name} noticed that the seed is gone`,
      })
    }
    await meshed()
    for (const station of stations) {
      const since = departures(station).slice(before.get(station))
      assert.deepEqual(since, [seed.program.peerId], `${station.name} lost the seed alone`)
    }

    const station = await stationThatDialledAnother()
    const { peerId } = station.program
    const stopped = await station.program.stop()
    assert.equal(stopped.code, 0, station.program.error())
    assert.ok(stopped.ms < 10_000, `it took ${stopped.ms} ms`)
    t.diagnostic(`SIGTERM to exit code 0 in ${Math.round(stopped.ms)} ms`)
    const book = join(station.cwd, 'data', 'network', 'address-book.json')
    const others = stations.filter((other) => other !== station)
    const saved = await readFile(book, 'utf8')
    assert.ok(
      others.some(({ program }) => saved.includes(program.peerId)),
      saved,
    )

    const restartedAt = performance.now()
    station.program = await startProgram(scope, station)
    assert.equal(station.program.peerId, peerId)
    await meshed()
    t.diagnostic(`back among the stations ${ms(restartedAt)} ms after the restart`)
    const { text } = await call(station.program.apiUrl, '/metrics')
    const dials = parseMetrics(text)
    assert.ok(dials.get('wesense_dials_total{outcome="ok",source="address-book"}'), text)
    assert.equal(dials.get('wesense_dials_total{outcome="ok",source="seed"}'), undefined)
    const status = await get<NodeStatus>(station, '/status')
    const check = status.ready.checks.find(({ name }) => name === 'seeds')
    assert.equal(check?.detail, `0 of 1 reached, not: ${seedAddress}`)
  })

  /** Only who dialled another station has its address saved; of any two, one has. */
  async function stationThatDialledAnother(): Promise<Station> {
    for (const station of stations) {
      const { peers } = await get<PeersReply>(station, '/peers')
      if (peers.some(({ direction }) => direction === 'outbound')) return station
    }
    throw new Error('three connected stations, and none of them has dialled')
  }
})

function ms(since: number): number {
  return Math.round(performance.now() - since)
}

/** Peers that a station has lost, as its log names them. */
function departures({ program }: Station): unknown[] {
  return program.records().flatMap(({ msg, peer }) => (msg === 'Peer disconnected' ? [peer] : []))
}

function missing(wanted: ReadonlySet<string>, there: ReadonlySet<string>): string[] {
  return [...wanted].filter((id) => !there.has(id))
}
