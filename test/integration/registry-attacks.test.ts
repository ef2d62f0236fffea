import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as delay, setImmediate as yieldToLoop } from 'node:timers/promises'

import { createEphemeralIdentity, type Identity } from '../../src/identity/index.ts'
import type { Host } from '../../src/network/host.ts'
import type { PeerStream } from '../../src/network/types.ts'
import { headsProtocol } from '../../src/registry/replication/heads-exchange.ts'
import { answerHeader, transferProtocol } from '../../src/registry/replication/log-transfer.ts'
import { carSection } from '../../src/registry/store/car.ts'
import { encodeValue, hashOf } from '../../src/registry/store/entry-codec.ts'
import { type Logger, silentLogger } from '../../src/telemetry/index.ts'
import { connect, startHost } from '../support/host.ts'
import { forgeEntry } from '../support/registry.ts'
import { answerOf } from '../support/registry-answer.ts'
import { type RegistryStation, startRegistryStation } from '../support/registry-station.ts'
import { waitFor } from '../support/wait-for.ts'

const TRANSFER = transferProtocol('test')
const SERVES_ANY = { maxInboundStreams: 64, maxOutboundStreams: 64, timeoutMs: 6000 }
/** How long each attack lasts, and between two records of honest stations. */
const ATTACK_MS = 1500
const WRITE_EVERY_MS = 100

interface Attacker {
  readonly identity: Identity
  readonly host: Host
}

interface Scene {
  /** Three honest stations, each connected to the others. */
  readonly stations: readonly RegistryStation[]
  readonly target: RegistryStation
  readonly addresses: readonly string[]
  /** `nodes` */
  readonly address: string
  readonly signal: AbortSignal
}

async function setScene(t: TestContext, logger?: Logger): Promise<Scene> {
  const stations = []
  for (let i = 0; i < 3; i += 1) {
    stations.push(
      await startRegistryStation(t, {
        antiEntropyIntervalMs: 1000,
        exchangeIntervalMs: 500,
        ...(logger === undefined ? {} : { logger }),
      }),
    )
  }
  const [a, b, c] = stations as [RegistryStation, RegistryStation, RegistryStation]
  await connect(b.host, a.host)
  await connect(c.host, a.host)
  await connect(c.host, b.host)
  const controller = new AbortController()
  t.after(() => controller.abort())
  const addresses = a.registry.status().map(({ address }) => address)
  const { signal } = controller
  return { stations, target: a, addresses, address: addresses[0] ?? '', signal }
}

/** A peer that is connected to two of three stations, and follows no rule. */
async function startAttacker(t: TestContext, { stations }: Scene): Promise<Attacker> {
  const identity = await createEphemeralIdentity()
  const host = await startHost(t, { dht: null }, { identity })
  for (const station of stations.slice(0, 2)) await connect(host, station.host)
  return { identity, host }
}

/** Serves both protocols, and subscribes so that stations come and ask. */
async function serve(
  { host }: Attacker,
  { addresses, signal }: Scene,
  heads: (stream: PeerStream) => Promise<void>,
  log: (stream: PeerStream) => Promise<void>,
): Promise<void> {
  await host.transport.handle(TRANSFER, log, SERVES_ANY)
  for (const address of addresses) {
    const isNodes = address === addresses[0]
    const answer =
      isNodes || heads === forEver ? heads : (stream: PeerStream) => stream.close(signal)
    await host.transport.handle(headsProtocol(address), answer, SERVES_ANY)
    host.transport.subscribe(
      address,
      () => 'ignore',
      () => {},
    )
  }
}

const forEver = () => new Promise<void>(() => {})

type Attack = (t: TestContext, scene: Scene) => Promise<void>

const ATTACKS: readonly [string, Attack, string | null][] = [
  [
    'five peers that answer nothing and keep streams open',
    async (t, scene) => {
      for (let i = 0; i < 5; i += 1) {
        const attacker = await startAttacker(t, scene)
        await serve(attacker, scene, forEver, forEver)
        for (const address of scene.addresses) {
          const to = scene.target.identity.peerId
          await attacker.host.transport.open(to, headsProtocol(address), scene.signal)
          await attacker.host.transport.open(to, TRANSFER, scene.signal)
        }
      }
    },
    null,
  ],
  [
    'a peer whose heads nobody can resolve',
    async (t, scene) => {
      const attacker = await startAttacker(t, scene)
      const heads = Array.from({ length: 64 }, (_, i) => unresolvable(attacker, scene, i))
      await serve(
        attacker,
        scene,
        (stream) => sendAndClose(stream, Buffer.concat(heads), scene.signal),
        (stream) => sendAndClose(stream, answerOf(scene.address, []), scene.signal),
      )
      for (const bytes of heads) await attacker.host.transport.publish(scene.address, bytes)
    },
    'unresolvable',
  ],
  [
    'a peer that streams without end',
    async (t, scene) => {
      const attacker = await startAttacker(t, scene)
      const { identity } = attacker
      const { bytes } = forgeEntry({ identity, address: scene.address, localId: 'same' })
      const pourOf = (page: Uint8Array) => async (stream: PeerStream) => {
        while (!scene.signal.aborted) {
          await stream.send(page, scene.signal)
          await yieldToLoop()
        }
      }
      const page = Array.from({ length: 64 }, () => bytes)
      const pour = pourOf(Buffer.concat(page))
      const pourLog = async (stream: PeerStream) => {
        await stream.send(answerHeader(scene.address), scene.signal)
        await pourOf(Buffer.concat(page.map((block) => carSection(block))))(stream)
      }
      await serve(attacker, scene, pour, pourLog)
      const to = scene.target.identity.peerId
      const stream = await attacker.host.transport.open(
        to,
        headsProtocol(scene.address),
        scene.signal,
      )
      pour(stream).catch(() => {})
    },
    'endless',
  ],
  [
    'a peer that floods gossip with valid entries',
    async (t, scene) => {
      const attacker = await startAttacker(t, scene)
      const { identity } = attacker
      const messages = Array.from(
        { length: 1000 },
        (_, i) => forgeEntry({ identity, address: scene.address, localId: `x-${i}` }).bytes,
      )
      const flood = async () => {
        for (const [i, bytes] of messages.entries()) {
          if (scene.signal.aborted) return
          await attacker.host.transport.publish(scene.address, bytes)
          // Five times what one peer may send. Three stations and the attacker share this process: all
          // of them together pay for each message what one station pays for four.
          if (i % 5 === 4) await delay(20)
        }
      }
      flood().catch(() => {})
    },
    null,
  ],
  [
    'a peer that floods gossip with broken entries',
    async (t, scene) => {
      const attacker = await startAttacker(t, scene)
      const { identity } = attacker
      const flood = async () => {
        for (let i = 0; i < 2000 && !scene.signal.aborted; i += 1) {
          const broken = { identity, address: scene.address, unsigned: { note: i } }
          await attacker.host.transport.publish(scene.address, forgeEntry(broken).bytes)
          await yieldToLoop()
        }
      }
      flood().catch(() => {})
    },
    'broken_rule',
  ],
  [
    'a peer that floods exchanges',
    async (t, scene) => {
      const attacker = await startAttacker(t, scene)
      const to = scene.target.identity.peerId
      const flood = async (protocol: string, request: Uint8Array | null) => {
        for (let i = 0; i < 3000 && !scene.signal.aborted; i += 1) {
          try {
            const stream = await attacker.host.transport.open(to, protocol, scene.signal)
            if (request !== null) await stream.send(request, scene.signal)
            await stream.close(scene.signal)
            for await (const _ of stream.chunks());
          } catch {
            // Refused: the next one.
            if (attacker.host.peers().length === 0) return
          }
        }
      }
      const request = encodeValue({ log: scene.address, have: [], want: [], first: 0 })
      flood(headsProtocol(scene.address), null).catch(() => {})
      flood(TRANSFER, request).catch(() => {})
    },
    null,
  ],
]

function unresolvable({ identity }: Attacker, { address }: Scene, seed: number): Uint8Array {
  const next = [hashOf(Buffer.from(`nothing ${seed}`))]
  return forgeEntry({ identity, address, localId: `u-${seed}`, signed: { next } }).bytes
}

async function sendAndClose(
  stream: PeerStream,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  await stream.send(bytes, signal)
  await stream.close(signal)
}

interface Measured {
  readonly maxPutMs: number
  readonly maxReachMs: number
}

/** Every station writes in turn while the attack lasts; each record has to reach every other. */
async function writeMeanwhile({ stations }: Scene): Promise<Measured> {
  let maxPutMs = 0
  let maxReachMs = 0
  const reached: Promise<void>[] = []
  const startedMs = performance.now()
  for (let i = 0; performance.now() - startedMs < ATTACK_MS; i += 1) {
    const writer = stations[i % stations.length] as RegistryStation
    const putMs = performance.now()
    await writer.registry.writer.put('nodes', `honest-${i}`, { node_name: `n ${i}` })
    maxPutMs = Math.max(maxPutMs, performance.now() - putMs)
    const isEverywhere = () =>
      stations.every(({ registry }) => registry.view.get('nodes', `honest-${i}`) !== null)
    const arrival = waitFor(isEverywhere, { message: `honest-${i} everywhere`, timeoutMs: 10_000 })
    reached.push(
      arrival.then(() => {
        maxReachMs = Math.max(maxReachMs, performance.now() - putMs)
      }),
    )
    await delay(WRITE_EVERY_MS)
  }
  await Promise.all(reached)
  return { maxPutMs, maxReachMs }
}

describe('honest records go on while a peer attacks', () => {
  for (const [what, attack, offence] of ATTACKS) {
    test(what, async (t) => {
      const scene = await setScene(t)
      await attack(t, scene)
      const { maxPutMs, maxReachMs } = await writeMeanwhile(scene)
      const text = await scene.target.metrics.text()
      const offences = text.split('\n').filter((line) => line.includes('penalties_total{'))
      t.diagnostic(
        `${what}: longest put ${Math.round(maxPutMs)} ms, longest way ${Math.round(maxReachMs)} ms; ${offences.join(', ')}`,
      )
      assert.ok(maxPutMs < 500, `a local put took ${maxPutMs} ms`)
      assert.ok(maxReachMs < 10_000, `a record took ${maxReachMs} ms`)
      if (offence !== null) {
        const counted = `penalties_total{offence="${offence}"}`
        assert.ok(text.includes(counted), `${offence} is counted`)
      }
      for (const { host, identity } of scene.stations) {
        const others = scene.stations.filter((other) => other.identity !== identity)
        for (const other of others) assert.equal(host.transport.penaltyOf(other.identity.peerId), 0)
      }
    })
  }
})

test('a peer that breaks rules is disconnected, neither let in nor dialled, and told of once', async (t) => {
  const lines: string[] = []
  const logger = { ...silentLogger, warn: (_: object, line: string) => void lines.push(line) }
  const station = await startRegistryStation(t, { logger })
  const address = station.registry.status()[0]?.address ?? ''
  const identity = await createEphemeralIdentity()
  const attacker = await startHost(t, { dht: null }, { identity })
  await connect(attacker, station.host)
  attacker.transport.subscribe(
    address,
    () => 'ignore',
    () => {},
  )
  await waitFor(() => attacker.transport.subscribers(address).length === 1, {
    message: 'the subscription of the station',
  })
  for (let i = 0; i < 8; i += 1) {
    const { bytes } = forgeEntry({ identity, address, unsigned: { note: i } })
    await attacker.transport.publish(address, bytes).catch(() => {})
  }
  await waitFor(() => station.host.peers().length === 0, { message: 'the end of the connection' })
  assert.equal(lines.filter((line) => line.includes('shunned')).length, 1)

  await assert.rejects(connect(station.host, attacker))
  await connect(attacker, station.host).catch(() => {})
  await waitFor(() => attacker.peers().length === 0, { message: 'the refusal' })
  assert.deepEqual(station.host.peers(), [])
})

test('a slow peer that does answer loses neither points nor records', async (t) => {
  const slow = (bytesEveryMs: number) => (stream: PeerStream) => ({
    peerId: stream.peerId,
    chunks: () => stream.chunks(),
    send: async (bytes: Uint8Array, signal: AbortSignal) => {
      await delay(bytesEveryMs)
      await stream.send(bytes, signal)
    },
    close: (signal: AbortSignal) => stream.close(signal),
    abort: (reason: Error) => stream.abort(reason),
  })
  const far = slow(1500)
  const station = await startRegistryStation(t, { exchangeIntervalMs: 200 })
  const slowOne = await startRegistryStation(t, {
    wrap: (transport) => ({
      ...transport,
      handle: (protocol, handler, options) =>
        transport.handle(protocol, (stream) => handler(far(stream)), options),
    }),
  })
  for (let i = 0; i < 20; i += 1) await slowOne.registry.writer.put('nodes', `slow-${i}`, {})
  await connect(station.host, slowOne.host)
  await waitFor(() => station.registry.view.counts().nodes === 20, {
    message: 'the records of the slow peer',
    timeoutMs: 15_000,
  })
  assert.equal(station.host.transport.penaltyOf(slowOne.identity.peerId), 0)
  assert.ok(!(await station.metrics.text()).includes('penalties_total{'))
})
