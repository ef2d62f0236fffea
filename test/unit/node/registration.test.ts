import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { createEphemeralIdentity } from '../../../src/identity/index.ts'
import type { Clock } from '../../../src/lib/clock.ts'
import type { RelayStatus } from '../../../src/network/index.ts'
import { createRegistration } from '../../../src/node/registration.ts'
import { SteadyAddresses } from '../../../src/node/steady-addresses.ts'
import type {
  NodeRecord,
  RegistryRecord,
  RegistryView,
  RegistryWriter,
} from '../../../src/registry/index.ts'
import { type Logger, silentLogger } from '../../../src/telemetry/index.ts'
import { OTHER_PEER_ID, OWN_PEER_ID } from '../../support/api.ts'
import { MovingClock } from '../../support/moving-clock.ts'
import { startRegistry } from '../../support/registry.ts'
import { createMemoryNetwork } from '../../support/registry-transport.ts'
import { relayStatus } from '../../support/relay-status.ts'
import { loadedSettings } from '../../support/settings.ts'
import { waitFor } from '../../support/wait-for.ts'
import { ManualClock } from '../network/fakes.ts'

interface Attempt {
  readonly env?: Readonly<Record<string, string>>
  readonly writer?: Partial<RegistryWriter>
  readonly view?: Pick<RegistryView, 'get'>
  readonly logger?: Partial<Logger>
  readonly peerId?: string
  readonly relay?: RelayStatus
  /** Addresses that nobody announced; null: none is looked for. */
  readonly found?: (() => readonly string[]) | null
  readonly clock?: Clock
}

function registration({ env = {}, writer, view, logger, peerId, ...more }: Attempt) {
  return createRegistration(
    { peerId: peerId ?? OWN_PEER_ID, version: '1.2.3', settings: loadedSettings({ env }).settings },
    {
      writer: writer as RegistryWriter,
      view: view ?? { get: () => null },
      relay: () => more.relay ?? null,
      found: more.found ?? null,
      clock: more.clock,
      logger: { ...silentLogger, ...logger },
    },
  )
}

/** What is written by a node with these settings, as `[database, local id, value]`. */
async function written(attempt: Attempt): Promise<unknown[]> {
  const puts: unknown[][] = []
  const put = async (...args: unknown[]) => {
    puts.push(args)
    return { isAppended: true }
  }
  const loop = registration({ ...attempt, writer: { put } as unknown as RegistryWriter })
  loop.start()
  const [first] = await waitFor(() => puts.length > 0 && puts, { message: 'a registration' })
  await loop.stop()
  assert.equal(puts.length, 1)
  return first ?? []
}

async function writtenAddress(attempt: Attempt): Promise<unknown> {
  const [, , value] = await written(attempt)
  return (value as NodeRecord).announce_address
}

describe('own registration', () => {
  it('writes the record of the contract, with the address as it was written', async () => {
    const env = { ANNOUNCE_ADDRESS: 'Hub.Example.org' }
    assert.deepEqual(await written({ env }), [
      'nodes',
      OWN_PEER_ID,
      {
        ingester_id: OWN_PEER_ID,
        type: 'orbitdb-peer',
        announce_address: 'Hub.Example.org',
        capabilities: ['bootstrap'],
        version: '1.2.3',
      },
    ])
  })

  it('names every address where there are several', async () => {
    const env = { ANNOUNCE_ADDRESS: '10.0.0.5, hub.example.org' }
    assert.deepEqual(await writtenAddress({ env }), ['10.0.0.5', 'hub.example.org'])
  })

  it('names the relay among the capabilities of one', async () => {
    const env = { ANNOUNCE_ADDRESS: 'hub.example.org' }
    const [, , value] = await written({ env, relay: relayStatus() })
    const words = ['bootstrap', 'relay', 'relay-load-0']
    assert.deepEqual((value as NodeRecord).capabilities, words)
  })

  it('follows relays that come and go, and outlives a time without any', async () => {
    const clock = new MovingClock(1e12)
    const done: unknown[] = []
    let looked = 0
    let through: readonly string[] = ['/ip4/198.51.100.7/tcp/4002/p2p/x/p2p-circuit']
    const own = { author: OWN_PEER_ID, value: { type: 'orbitdb-peer' } } as unknown
    const loop = registration({
      clock,
      found: () => {
        looked += 1
        return through
      },
      view: { get: (() => own) as RegistryView['get'] },
      writer: {
        put: (async (_database: string, _id: string, value: unknown) => {
          const { announce_address: address, capabilities } = value as NodeRecord
          done.push([address, capabilities])
          return { isAppended: true }
        }) as RegistryWriter['put'],
        delete: async () => void done.push('withdrawn'),
      },
    })
    const looks = async (count: number, message: string) => {
      await waitFor(
        () => {
          clock.advance(6_000)
          return done.length === count
        },
        { message },
      )
    }
    loop.start()
    await looks(1, 'the first record')
    through = ['/ip4/198.51.100.8/tcp/4002/p2p/y/p2p-circuit', ...through]
    await looks(2, 'the second relay')
    through = []
    for (const time of [1, 2, 3]) {
      const before = looked
      await waitFor(
        () => {
          clock.advance(6_000)
          return looked > before
        },
        { message: `look ${time}` },
      )
    }
    assert.equal(done.length, 2, 'another relay may be found')
    await looks(3, 'the end of it')
    await loop.stop()
    assert.deepEqual(done, [
      ['/ip4/198.51.100.7/tcp/4002/p2p/x/p2p-circuit', ['relayed']],
      [
        [
          '/ip4/198.51.100.8/tcp/4002/p2p/y/p2p-circuit',
          '/ip4/198.51.100.7/tcp/4002/p2p/x/p2p-circuit',
        ],
        ['relayed'],
      ],
      'withdrawn',
    ])
  })

  it('writes a few entries an hour at most, however its relays come and go', async (t) => {
    const patterns: Record<string, (second: number) => readonly string[]> = {
      'back every second': (second) => (second % 2 === 0 ? ['/a/p2p-circuit'] : []),
      'another every minute': (second) => [`/r${Math.floor(second / 60)}/p2p-circuit`],
      'gone for eleven minutes': (second) => (second % 700 < 10 ? ['/a/p2p-circuit'] : []),
      'one more each quarter': (second) =>
        Math.floor(second / 900) % 2 === 0 ? ['/a/p2p-circuit'] : ['/a/p2p-circuit', '/b'],
    }
    for (const [what, pattern] of Object.entries(patterns)) {
      const clock = new ManualClock(0)
      let second = 0
      let own: RegistryRecord<NodeRecord> | null = null
      let entries = 0
      const steady = new SteadyAddresses(() => pattern(second), clock)
      const put = async (_: string, __: string, value: NodeRecord) => {
        const isAppended = JSON.stringify(value) !== JSON.stringify(own?.value)
        if (isAppended) entries++
        own = { author: OWN_PEER_ID, value } as RegistryRecord<NodeRecord>
        return { isAppended }
      }
      const remove = async () => {
        entries++
        own = null
      }
      const loop = registration({
        clock,
        found: () => steady.read(),
        writer: { put, delete: remove } as unknown as RegistryWriter,
        view: { get: () => own } as unknown as Pick<RegistryView, 'get'>,
      })
      loop.start()
      for (; second < 6 * 3600; second += 5) await clock.advance(5000)
      await loop.stop()
      t.diagnostic(`${what}: ${entries} entries in six hours`)
      // A burst of four and one an hour, each perhaps taken back: 58 in a day.
      assert.ok(entries <= 20, `${what}: ${entries}`)
    }
  })

  it('spells out a port that readers could not guess', async () => {
    const env = { ANNOUNCE_ADDRESS: 'hub.example.org 2001:db8::7', LIBP2P_PORT: '4102' }
    assert.deepEqual(await writtenAddress({ env }), ['hub.example.org:4102', '[2001:db8::7]:4102'])
  })

  it('leaves alone what names its port itself', async () => {
    for (const input of ['hub.example.org:4302', '/dns4/hub.example.org/tcp/443/tls/ws']) {
      const env = { ANNOUNCE_ADDRESS: input, LIBP2P_PORT: '4102' }
      assert.equal(await writtenAddress({ env }), input)
    }
  })

  it('is taken back when no address is announced any more, and only then', async (t) => {
    const { registry, logged, run } = await realRegistry(t)
    await run({ ANNOUNCE_ADDRESS: 'hub.example.org' })
    assert.equal(registry.view.counts().nodes, 1)
    await run({})
    assert.equal(registry.view.counts().nodes, 0)
    assert.deepEqual(logged, ['hub.example.org', 'withdrawn'])
  })

  for (const [what, author, type] of [
    ['a service wrote about the station', OWN_PEER_ID, 'ingester'],
    ['another station claims under its ID', OTHER_PEER_ID, 'orbitdb-peer'],
  ] as const) {
    it(`leaves alone what ${what}`, async () => {
      const looks: string[] = []
      const deleted: string[] = []
      const record = { author, value: { type } } as unknown as RegistryRecord
      const get = ((_database: string, id: string) => {
        looks.push(id)
        return record
      }) as RegistryView['get']
      const loop = registration({
        view: { get },
        writer: { delete: async (_, id) => void deleted.push(id) },
      })
      loop.start()
      await waitFor(() => looks.length === 1, { message: 'it looked' })
      await loop.stop()
      assert.deepEqual(looks, [OWN_PEER_ID])
      assert.deepEqual(deleted, [])
    })
  }

  it('appends once: a second start with the same settings writes nothing', async (t) => {
    const { registry, logged, run } = await realRegistry(t)
    await run({ ANNOUNCE_ADDRESS: 'hub.example.org' })
    await run({ ANNOUNCE_ADDRESS: 'hub.example.org' })
    assert.deepEqual(logged, ['hub.example.org'])
    assert.equal(registry.status()[0]?.entriesJoined, 1)
    await run({ ANNOUNCE_ADDRESS: 'moved.example.org' })
    assert.deepEqual(logged, ['hub.example.org', 'moved.example.org'])
    assert.equal(registry.status()[0]?.entriesJoined, 2)
    assert.equal(registry.view.counts().nodes, 1)
  })

  it('says that it failed, and lives on', async () => {
    const failure = new Error('the registry is not open')
    const warned: unknown[] = []
    const loop = registration({
      env: { ANNOUNCE_ADDRESS: 'hub.example.org' },
      writer: { put: () => Promise.reject(failure) },
      logger: { warn: (fields) => warned.push(fields.error) },
    })
    loop.start()
    await waitFor(() => warned.length === 1, { message: 'the warning' })
    loop.wake()
    await waitFor(() => warned.length === 2, { message: 'another try' })
    await loop.stop()
    assert.deepEqual(warned, [failure, failure])
  })
})

/** A registry on disk; `run` lets a registration with these settings write once. */
async function realRegistry(t: TestContext) {
  const identity = await createEphemeralIdentity()
  const { registry } = await startRegistry(t, createMemoryNetwork(), { identity })
  const logged: unknown[] = []
  const run = async (env: Readonly<Record<string, string>>) => {
    let isDone = false
    const noteDone = () => {
      isDone = true
    }
    const { writer, view } = registry
    const loop = registration({
      env,
      peerId: identity.peerId,
      view,
      writer: {
        put: async (...args) => await writer.put(...args).finally(noteDone),
        delete: async (...args) => await writer.delete(...args).finally(noteDone),
      },
      logger: { info: (fields) => logged.push(fields.announceAddress ?? 'withdrawn') },
    })
    loop.start()
    await waitFor(() => isDone, { message: 'the registration has written' })
    await loop.stop()
  }
  return { registry, logged, run }
}
