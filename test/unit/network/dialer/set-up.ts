import type { TestContext } from 'node:test'

import { Attempts } from '../../../../src/network/dialer/attempts.ts'
import { Dialer } from '../../../../src/network/dialer/dialer.ts'
import type { DialerOptions } from '../../../../src/network/dialer/options.ts'
import { createDiscoveryMetrics } from '../../../../src/network/discovery/metrics.ts'
import type { NameResolver } from '../../../../src/network/discovery/name-resolver.ts'
import { Seeds } from '../../../../src/network/discovery/seeds.ts'
import type { Candidate } from '../../../../src/network/types.ts'
import { createMetrics } from '../../../../src/telemetry/index.ts'
import { FakePort, fakeResolver, ManualClock, recordingLogger, settle } from '../fakes.ts'

interface Setup {
  /** Multiaddrs. */
  readonly seeds?: readonly string[]
  readonly resolver?: NameResolver
  readonly addressBook?: readonly Candidate[]
  readonly options?: Partial<DialerOptions>
  readonly random?: () => number
}

/** A dialer that runs, on a port without sockets and in a time that stands still. */
export async function startDialer(t: TestContext, setup: Setup = {}) {
  const port = new FakePort()
  const clock = new ManualClock()
  const logger = recordingLogger()
  const resolver = setup.resolver ?? fakeResolver({})
  const random = setup.random ?? (() => 0.5)
  const values = (setup.seeds ?? []).map((multiaddr) => {
    return { kind: 'multiaddr', input: multiaddr, multiaddr } as const
  })
  const seeds = new Seeds({ values, defaultPort: 4002 }, { logger, ownPeerId: port.peerId, random })
  const now = () => clock.now()
  const dialer = new Dialer(
    { targetPeers: 4, maxParallelDials: 4, ...setup.options },
    {
      port,
      seeds,
      attempts: new Attempts({}, { port, resolver, learnedResolver: resolver, now }),
      addressBook: () => setup.addressBook ?? [],
      logger,
      metrics: createDiscoveryMetrics(createMetrics(), {
        candidates: () => 0,
        dialsInProgress: () => 0,
        knownStations: () => 0,
        addressBookPeers: () => 0,
        seedStates: () => [],
      }),
      clock,
      random,
    },
  )
  t.after(() => dialer.stop())
  dialer.start()
  await settle()
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) await clock.advance(1000)
  }
  return { port, clock, logger, seeds, dialer, pass }
}
