import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createFuzzPeer } from '../support/fuzz/peer.ts'
import { SeededRandom } from '../support/fuzz/random.ts'
import { attackRaw, RAW_ATTACKS, type Target } from '../support/fuzz/raw.ts'
import { type Program, startProgram } from '../support/process.ts'
import { tempDir } from '../support/temp-dir.ts'
import { waitFor } from '../support/wait-for.ts'

/** The same seed sends the same bytes: FUZZ_SEED=… FUZZ_SECONDS=3600 npm test test/e2e/fuzz.test.ts */
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 32))
const SECONDS = Number(process.env.FUZZ_SECONDS ?? 15)
const NETWORK = 'fuzzed'
const RAW_AT_ONCE = 8
const PEERS_AT_ONCE = 4
const STREAMS_OF_A_PEER = 24

test('nothing that sockets or peers send ends the node, and a station beside them keeps working', async (t) => {
  t.diagnostic(`FUZZ_SEED=${SEED} FUZZ_SECONDS=${SECONDS}`)
  const env = { NETWORK_NAME: NETWORK, RELAY_ENABLED: 'true', ORBITDB_HEAP_MB: '256' }
  const node = await startProgram(t, { cwd: await tempDir(t), env })
  const target = targetOf(node)
  const address = `/ip4/127.0.0.1/tcp/${target.tcpPort}/p2p/${node.peerId}`
  const seeds = { ...env, ORBITDB_BOOTSTRAP_PEERS: address }
  const honest = await startProgram(t, { cwd: await tempDir(t), env: seeds })
  await waitFor(async () => (await peersOf(node)).includes(honest.peerId), {
    timeoutMs: 20_000,
    message: 'the honest station is connected',
  })

  const random = new SeededRandom(SEED)
  const until = Date.now() + SECONDS * 1000
  const counts = new Map<string, number>()
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1)
  const attackers = [
    ...Array.from({ length: RAW_AT_ONCE }, () => attackWithSockets(random.fork())),
    ...Array.from({ length: PEERS_AT_ONCE }, () => attackAsPeers(random.fork())),
  ]
  const delays = await writeMeanwhile()
  await Promise.all(attackers)

  async function attackWithSockets(own: SeededRandom): Promise<void> {
    while (Date.now() < until) {
      const attack = own.pick(RAW_ATTACKS)
      count(attack.phase)
      await attackRaw(attack, target, own)
    }
  }

  async function attackAsPeers(own: SeededRandom): Promise<void> {
    while (Date.now() < until) {
      const peer = await createFuzzPeer(NETWORK)
      try {
        const connection = await peer.connect(address)
        count('connection')
        const protocols = await waitFor(
          async () => {
            const all = await peer.protocolsOf(connection)
            return all.length > 3 && all
          },
          { timeoutMs: 2000, message: 'identify' },
        )
        for (let i = 0; i < STREAMS_OF_A_PEER && connection.status === 'open'; i += 1) {
          const protocol = own.pick(protocols)
          count(protocol.replace(/zdpu\w+/, '…'))
          await peer.attackStream(connection, protocol, own).catch(() => {})
        }
        count('yamux')
        peer.attackFrames(own)
      } catch {
        // Shunned, refused or cut off: as it should be.
      } finally {
        await peer.stop()
      }
    }
  }

  /** A record of the honest station each half second, and how long until the attacked node has it. */
  async function writeMeanwhile(): Promise<number[]> {
    const delaysMs: number[] = []
    for (let i = 0; Date.now() < until; i += 1) {
      const startedAt = performance.now()
      const put = await fetch(`${honest.apiUrl}/nodes/honest-${i}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      })
      assert.equal(put.status, 200)
      await waitFor(async () => (await fetch(`${node.apiUrl}/nodes/honest-${i}`)).ok, {
        timeoutMs: 10_000,
        message: `record ${i} reaches the attacked node`,
      })
      delaysMs.push(performance.now() - startedAt)
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    return delaysMs
  }

  t.diagnostic(`sent: ${JSON.stringify(Object.fromEntries([...counts].sort()))}`)
  t.diagnostic(
    `${delays.length} records of a station beside them, the slowest there after ${Math.round(Math.max(...delays))} ms`,
  )
  assert.ok(counts.size > RAW_ATTACKS.length + 8, 'every phase was attacked')
  assert.deepEqual(await peersOf(node), [honest.peerId], 'only the honest station is left')
  const lost = node
    .records()
    .filter(({ msg, peer }) => msg === 'Peer disconnected' && peer === honest.peerId)
  assert.deepEqual(lost, [], 'the honest station was never lost')
  const loud = node.records().filter(({ level }) => level === 'error' || level === 'fatal')
  assert.deepEqual(loud, [])
  assert.equal(node.error(), '')
  const { code, ms } = await node.stop()
  assert.equal(code, 0)
  assert.ok(ms < 10_000)
})

function targetOf(node: Program): Target {
  const portOf = (pattern: RegExp) => {
    const port = node.addresses.map((address) => pattern.exec(address)?.[1]).find(Boolean)
    if (port === undefined) throw new Error(`no ${pattern} among ${node.addresses.join(' ')}`)
    return Number(port)
  }
  return {
    tcpPort: portOf(/\/tcp\/(\d+)$/),
    wsPort: portOf(/\/tcp\/(\d+)\/ws$/),
    apiPort: Number(new URL(node.apiUrl).port),
  }
}

/** Stations and others that are connected; waits for those that are just leaving. */
async function peersOf(node: Program): Promise<string[]> {
  let ids: string[] = []
  await waitFor(
    async () => {
      const response = await fetch(`${node.apiUrl}/peers`)
      const { peers } = (await response.json()) as { peers: { peer_id: string }[] }
      ids = peers.map((peer) => peer.peer_id)
      return ids.length <= 1
    },
    { timeoutMs: 15_000, message: 'the attackers are gone' },
  )
  return ids
}
