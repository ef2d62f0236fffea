/**
 * A process with three peers that mean harm all the time: one offers what is not true, one holds streams
 * and says nothing, one floods. Who is shut out comes back under another name.
 */
import { setTimeout as delay } from 'node:timers/promises'

import { createEphemeralIdentity, type Identity } from '../../../src/identity/index.ts'
import type { Host } from '../../../src/network/host.ts'
import { headsProtocol } from '../../../src/registry/replication/heads-exchange.ts'
import { transferProtocol } from '../../../src/registry/replication/log-transfer.ts'
import { concat, makePayload, withLength } from '../fuzz/payloads.ts'
import { SeededRandom } from '../fuzz/random.ts'
import { startHost } from '../host.ts'
import { Scope } from '../network.ts'
import { LabHost } from './as-host.ts'
import { serveRig, tellRig } from './child.ts'
import { makeForgery } from './forgeries.ts'
import type { HostileOptions } from './messages.ts'
import { Pace } from './pace.ts'
import { BOOTSTRAPS, frontAddress, hostileIp, NETWORK_NAME } from './places.ts'

const TALLY_EVERY_MS = 5000
const FORGE_EVERY_MS = 1000
const FORGED_AT_ONCE = 8
const FLOOD_EVERY_MS = 100
/** Each of them, every `FLOOD_EVERY_MS`, at each bootstrap. */
const FLOODED_AT_ONCE = 8
const HELD_STREAMS = 8
const MEET_AGAIN_MS = 5000
const SERVES = { maxInboundStreams: 64, maxOutboundStreams: 64, timeoutMs: 600_000 }

const counts = { names: 0, refused: 0, forged: 0, held: 0, flooded: 0 }

interface Scene {
  readonly identity: Identity
  readonly host: Host
  /** Peer IDs of the bootstraps that it is connected to. */
  readonly targets: () => string[]
  readonly logs: readonly string[]
  readonly random: SeededRandom
  readonly signal: AbortSignal
}

const forEver = () => new Promise<void>(() => {})

async function forge({ identity, host, targets, logs, random, signal }: Scene): Promise<void> {
  while (targets().length > 0) {
    for (const target of targets()) {
      const log = random.pick(logs)
      const items = Array.from({ length: FORGED_AT_ONCE }, () => makeForgery(identity, log, random))
      counts.forged += items.length
      await offer(host, target, log, items, signal)
      await host.transport.publish(log, random.pick(items)).catch(() => {})
    }
    await delay(FORGE_EVERY_MS, undefined, { signal })
  }
}

async function offer(
  host: Host,
  target: string,
  log: string,
  items: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<void> {
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(5000)])
    const stream = await host.transport.open(target, headsProtocol(log), within)
    for (const item of items) await stream.send(item, within)
    await stream.close(within)
  } catch {
    // Reset: the other side has had enough.
  }
}

/** Opens what it can, answers nothing, and lets the others come and wait. */
async function hold({ host, targets, logs, signal }: Scene): Promise<void> {
  for (const log of logs) await host.transport.handle(headsProtocol(log), forEver, SERVES)
  await host.transport.handle(transferProtocol(NETWORK_NAME), forEver, SERVES)
  for (const log of logs) subscribe(host, log)
  const protocols = [
    ...logs.map(headsProtocol),
    transferProtocol(NETWORK_NAME),
    ...['kad/1.0.0', 'peer-exchange/1.0.0', 'part/1.0.0'].map((name) => `/${NETWORK_NAME}/${name}`),
    '/libp2p/circuit/relay/0.2.0/hop',
  ]
  while (targets().length > 0) {
    for (const target of targets()) {
      for (const protocol of protocols) {
        for (let i = 0; i < HELD_STREAMS; i += 1) {
          const within = AbortSignal.any([signal, AbortSignal.timeout(2000)])
          const isHeld = await host.transport.open(target, protocol, within).catch(() => null)
          if (isHeld === null) break
          counts.held += 1
        }
      }
    }
    await delay(10_000, undefined, { signal })
  }
}

async function flood({ host, targets, logs, random, signal }: Scene): Promise<void> {
  let isSubscribed = false
  while (targets().length > 0) {
    for (const log of logs) {
      if (isSubscribed) host.transport.unsubscribe(log)
      else subscribe(host, log)
    }
    isSubscribed = !isSubscribed
    for (let i = 0; i < FLOODED_AT_ONCE; i += 1) {
      await host.transport
        .publish(random.pick(logs), random.bytes(random.int(1, 400)))
        .catch(() => {})
    }
    await Promise.all(targets().map((target) => ask(host, target, random, signal)))
    counts.flooded += 2 * FLOODED_AT_ONCE
    await delay(FLOOD_EVERY_MS, undefined, { signal })
  }
}

/** FIND_NODE for keys that nobody has, and now and then what is no message at all. */
async function ask(host: Host, target: string, random: SeededRandom, signal: AbortSignal) {
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(2000)])
    const stream = await host.transport.open(target, `/${NETWORK_NAME}/kad/1.0.0`, within)
    for (let i = 0; i < FLOODED_AT_ONCE; i += 1) {
      await stream.send(random.chance(0.95) ? findNode(random) : makePayload(random), within)
    }
    stream.abort(new Error('no answer is wanted'))
  } catch {
    // Reset, or no stream left.
  }
}

/** The DHT's message type 4 with a key of 32 bytes. */
function findNode(random: SeededRandom): Uint8Array {
  return withLength(concat(Uint8Array.from([0x08, 4, 0x12, 32]), random.bytes(32)))
}

function subscribe(host: Host, log: string): void {
  host.transport.subscribe(
    log,
    () => 'ignore',
    () => {},
  )
}

interface Enemy {
  readonly attack: (scene: Scene) => Promise<void>
  /** After so long it comes back under another name, shut out or not. */
  readonly nameSeconds: number
}

const ENEMIES: readonly Enemy[] = [
  { attack: forge, nameSeconds: 60 },
  { attack: hold, nameSeconds: 300 },
  { attack: flood, nameSeconds: 60 },
]

/** One name after another, each from an address of its own, until it is told to stop. */
async function attackForEver(
  { attack, nameSeconds }: Enemy,
  index: number,
  { logs, random, pace }: { logs: readonly string[]; random: SeededRandom; pace: Pace },
  stopping: AbortSignal,
): Promise<void> {
  for (let name = 0; !stopping.aborted; name += 1) {
    const scope = new Scope()
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(pace.of(nameSeconds * 1000))])
    const lab = new LabHost(hostileIp(index + ENEMIES.length * name))
    counts.names += 1
    try {
      await lab.run(async () => {
        const identity = await createEphemeralIdentity()
        const host = await startHost(scope, { networkName: NETWORK_NAME, dht: null }, { identity })
        await meet(host)
        const targets = () => host.transport.connectedPeers()
        await attack({ identity, host, targets, logs, random, signal })
      })
    } catch {
      // Refused, or its time is over.
    }
    await scope.end()
    await delay(pace.of(MEET_AGAIN_MS), undefined, { signal: stopping }).catch(() => {})
  }
}

/** @throws when neither lets it in */
async function meet(host: Host): Promise<void> {
  const met = await Promise.allSettled(BOOTSTRAPS.map((place) => host.dial([frontAddress(place)])))
  const refused = met.filter(({ status }) => status === 'rejected').length
  counts.refused += refused
  if (refused === met.length) throw new Error('nobody lets it in')
}

serveRig<HostileOptions>(async ({ seed, rushMs, logs }) => {
  const pace = new Pace(rushMs)
  const random = new SeededRandom(seed)
  const stopping = new AbortController()
  const attacking = ENEMIES.map((enemy, index) =>
    attackForEver(enemy, index, { logs, random: random.fork(), pace }, stopping.signal),
  )
  const timer = setInterval(() => tellRig({ kind: 'tally', counts }), TALLY_EVERY_MS)
  return {
    stop: async () => {
      clearInterval(timer)
      stopping.abort()
      await Promise.all(attacking)
    },
  }
})
