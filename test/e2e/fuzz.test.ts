import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  type Attacker,
  type AttackerOptions,
  attackAsPeers,
  attackOverUdp,
  attackWithSockets,
} from '../support/fuzz/attackers.ts'
import { PHASES } from '../support/fuzz/phases.ts'
import { SeededRandom } from '../support/fuzz/random.ts'
import {
  type FuzzedNode,
  peersOf,
  residentMb,
  startOpenNode,
  startPrivateNode,
} from '../support/fuzz/target.ts'
import { attackOverWebRtc } from '../support/fuzz/webrtc-attackers.ts'
import { type Program, startProgram } from '../support/process.ts'
import { tempDir } from '../support/temp-dir.ts'
import { waitFor } from '../support/wait-for.ts'

/** The same seed makes the same attackers: FUZZ_SEED=… FUZZ_SECONDS=3600 npm test test/e2e/fuzz.test.ts */
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 32))
const SECONDS = Number(process.env.FUZZ_SECONDS ?? 15)
/** A phase that was not attacked by then is waited for. */
const GRACE_MS = 15_000
const NETWORK = 'fuzzed'
const SOCKETS_AT_ONCE = 5
const PEERS_AT_ONCE = 3
const LIMIT_MB = 400

test('nothing that sockets or peers send ends a node, and a station beside them keeps working', async (t) => {
  t.diagnostic(`FUZZ_SEED=${SEED} FUZZ_SECONDS=${SECONDS}`)
  const open = await startOpenNode(t, NETWORK)
  const fuzzed = [open, await startPrivateNode(t, NETWORK)]
  const honest = await startHonest(open)
  const random = new SeededRandom(SEED)
  const until = Date.now() + SECONDS * 1000
  const counts = new Map<string, number>()
  let isCalledOff = false
  const missing = () => PHASES.filter((phase) => !counts.has(phase))
  const isOver = () => {
    const lateMs = Date.now() - until
    return isCalledOff || lateMs > GRACE_MS || (lateMs > 0 && missing().length === 0)
  }
  t.after(() => {
    isCalledOff = true
  })
  const attackers = fuzzed.flatMap((node) => attackersOf(node))
  const delays: number[] = []
  try {
    const ends = fuzzed.map(async ({ node, name }) => {
      const { code, signal } = await node.ended
      throw new Error(`the ${name} node ended with ${code ?? signal}`)
    })
    const attacks = Promise.all([...attackers.map(({ done }) => done), writeMeanwhile()])
    await Promise.race([attacks, ...ends])
    for (const promise of ends) promise.catch(() => {})
    await assertUnharmed()
  } catch (error) {
    for (const { trail } of attackers) t.diagnostic(`last sent by ${trail}`)
    for (const { name, node } of fuzzed) t.diagnostic(`${name}: ${node.error().slice(-2000)}`)
    throw error
  } finally {
    t.diagnostic(`sent: ${JSON.stringify(Object.fromEntries([...counts].sort()))}`)
  }

  function attackersOf(node: FuzzedNode): Attacker[] {
    const make = (
      attack: (node: FuzzedNode, options: AttackerOptions) => Attacker,
      kind: string,
      count: number,
    ) =>
      Array.from({ length: count }, (_, index) =>
        attack(node, {
          name: `${kind} ${index} of the ${node.name} node`,
          random: random.fork(),
          isOver,
          count: (phase) => counts.set(phase, (counts.get(phase) ?? 0) + 1),
        }),
      )
    const overUdp = node.webRtcAddress === null ? 0 : 1
    return [
      ...make(attackWithSockets, 'socket', SOCKETS_AT_ONCE),
      ...make(attackAsPeers, 'peer', PEERS_AT_ONCE),
      ...make(attackOverUdp, 'datagrams', overUdp),
      ...make(attackOverWebRtc, 'peers and handshakes over WebRTC', overUdp),
    ]
  }

  async function startHonest({ node, addresses }: FuzzedNode): Promise<Program> {
    const [address = ''] = addresses
    const env = { NETWORK_NAME: NETWORK, ORBITDB_BOOTSTRAP_PEERS: address, ORBITDB_HEAP_MB: '256' }
    const station = await startProgram(t, { cwd: await tempDir(t), env })
    await waitFor(async () => (await peersOf(node, 1)).includes(station.peerId), {
      timeoutMs: 20_000,
      message: 'the honest station is connected',
    })
    return station
  }

  /** A record of the honest station each half second, and how long until the attacked node has it. */
  async function writeMeanwhile(): Promise<void> {
    for (let i = 0; !isOver(); i += 1) {
      const startedAt = performance.now()
      const path = `/nodes/honest-${i % 50}`
      const body = JSON.stringify({ node_name: `n${i}.` })
      const headers = { 'content-type': 'application/json' }
      const put = await fetch(`${honest.apiUrl}${path}`, { method: 'PUT', headers, body })
      assert.equal(put.status, 200)
      const isThere = async () => {
        const got = await fetch(`${open.node.apiUrl}${path}`)
        return got.ok && (await got.text()).includes(`n${i}.`)
      }
      await waitFor(isThere, { timeoutMs: 10_000, message: `record ${i} is on the attacked node` })
      delays.push(performance.now() - startedAt)
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }

  async function assertUnharmed(): Promise<void> {
    const slowestMs = Math.round(Math.max(...delays))
    t.diagnostic(`${delays.length} records of a station beside, the slowest after ${slowestMs} ms`)
    assert.ok(missing().length === 0, `not attacked, or refused: ${missing().join(', ')}`)
    assert.deepEqual(await peersOf(open.node, 1), [honest.peerId], 'only the honest one is left')
    const lost = open.node
      .records()
      .filter(({ msg, peer }) => msg === 'Peer disconnected' && peer === honest.peerId)
    assert.deepEqual(lost, [], 'the honest station was never lost')
    for (const { name, node } of fuzzed) {
      await peersOf(node, 1)
      const { now, peak } = residentMb(node)
      t.diagnostic(`the ${name} node takes ${now} MB, ${peak} MB at most`)
      assert.ok(peak < LIMIT_MB, `the ${name} node took ${peak} MB`)
      const loud = node.records().filter(({ level }) => level === 'error' || level === 'fatal')
      assert.deepEqual(loud, [])
      assert.equal(node.error(), '')
      const { code, ms } = await node.stop()
      assert.equal(code, 0)
      assert.ok(ms < 10_000)
    }
  }
})
