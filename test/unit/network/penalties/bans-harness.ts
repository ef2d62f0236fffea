import type { TestContext } from 'node:test'

import { Bans, type BansComponents } from '../../../../src/network/penalties/bans.ts'
import { createMetrics, silentLogger } from '../../../../src/telemetry/index.ts'
import { PEERS } from '../fakes.ts'

export const SELF = PEERS[0]
export const NOW_MS = Date.parse('2026-11-21T10:00:00Z')
export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

export interface Line {
  readonly message: string
  readonly fields: Record<string, unknown>
}

/** Nothing happens by itself. */
async function untilAborted(_ms: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()))
}

/** Two clocks: what the time is, and how long it has been. */
export class TwoClocks {
  wallMs = NOW_MS
  steadyMs = 0
  readonly clock = { now: () => this.wallMs, sleep: untilAborted }
  readonly steady = { now: () => this.steadyMs }

  pass(ms: number): void {
    this.wallMs += ms
    this.steadyMs += ms
  }
}

export interface TestBans {
  readonly bans: Bans
  readonly clocks: TwoClocks
  readonly hungUp: string[]
  readonly lines: Line[]
  /** Peer -> IP. */
  readonly connected: Map<string, string>
  metricsText(): Promise<string>
}

export interface TestBansOptions extends Partial<BansComponents> {
  readonly path?: string | null
  readonly clocks?: TwoClocks
}

export function makeBans(t: Pick<TestContext, 'after'>, options: TestBansOptions = {}): TestBans {
  const { path = null, clocks = new TwoClocks(), ...overrides } = options
  const hungUp: string[] = []
  const lines: Line[] = []
  const connected = new Map<string, string>()
  const metrics = createMetrics()
  const note = (fields: Record<string, unknown>, message: string) =>
    void lines.push({ fields, message })
  const bans = new Bans(
    { peerId: SELF, path },
    {
      connections: (peerId) =>
        [...connected]
          .filter(([id]) => peerId === undefined || id === peerId)
          .map(([id, ip]) => ({ peerId: id, ip })),
      hangUp: (peerId) => {
        hungUp.push(peerId)
        connected.delete(peerId)
      },
      worthOf: () => 0,
      ownHosts: () => ['203.0.113.10'],
      metrics: { peerShunned: () => {} },
      registry: metrics,
      logger: { ...silentLogger, warn: note, info: note },
      clock: clocks.clock,
      steady: clocks.steady,
      ...overrides,
    },
  )
  t.after(() => bans.stop())
  return { bans, clocks, hungUp, lines, connected, metricsText: () => metrics.text() }
}

/** So many peers of one host, each shunned in its turn. */
export function shunFrom(
  { bans, connected }: TestBans,
  ip: string,
  peers: readonly string[],
): void {
  for (const peer of peers) {
    connected.set(peer, ip)
    bans.peers.report(peer, 'broken_rule', 100)
  }
}
