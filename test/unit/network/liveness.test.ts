import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '@libp2p/interface'

import { hostLimits } from '../../../src/network/limits.ts'
import {
  ConnectionReaper,
  certainlyMissedPings,
  DEFAULT_CHECK_INTERVAL_MS,
  silenceLimitMs,
} from '../../../src/network/liveness.ts'
import { silentLogger } from '../../../src/telemetry/index.ts'

const OPTIONS = { pingIntervalMs: 30_000, pingTimeoutMs: 20_000 }

/** A connection whose bytes and fate a test can see. */
class FakeConnection {
  readonly maConn = new EventTarget()
  readonly timeline: { open: number }
  abortedWith: Error | null = null
  onAbort = () => {}

  constructor(openedAtMs: number) {
    this.timeline = { open: openedAtMs }
  }

  receive(): void {
    this.maConn.dispatchEvent(new Event('message'))
  }

  abort(error: Error): void {
    this.abortedWith = error
    this.onAbort()
  }
}

function setup() {
  const clock = { nowMs: 1_000_000 }
  const connection = new FakeConnection(clock.nowMs)
  const open = new Set([connection as unknown as Connection])
  connection.onAbort = () => open.clear()
  const dead: Connection[] = []
  const counts = { missed: 0 }
  const reaper = new ConnectionReaper(OPTIONS, {
    connections: () => [...open],
    metrics: { pingMissed: () => counts.missed++ },
    logger: silentLogger,
    onDead: (found) => dead.push(found),
    now: () => clock.nowMs,
  })
  /** Lets time pass, looking every five seconds as the running reaper does. */
  const pass = (ms: number) => {
    for (const endMs = clock.nowMs + ms; clock.nowMs < endMs; reaper.check()) {
      clock.nowMs += Math.min(DEFAULT_CHECK_INTERVAL_MS, endMs - clock.nowMs)
    }
  }
  reaper.check()
  return { clock, connection, open, dead, counts, reaper, pass }
}

test('with the default limits a dead peer is gone within two minutes', () => {
  const { pingInterval, pingTimeout } = hostLimits(1_024).connectionMonitor
  const limitMs = silenceLimitMs({
    pingIntervalMs: pingInterval,
    pingTimeoutMs: pingTimeout.minTimeout,
  })
  assert.ok(limitMs >= 90_000, 'ninety silent seconds at least')
  // The first look may come one look after the last byte, the deciding one a look late.
  assert.ok(limitMs + 2 * DEFAULT_CHECK_INTERVAL_MS <= 120_000)
})

test('silence proves missed pings whatever the phase of the pinger', () => {
  assert.equal(certainlyMissedPings(19_999, OPTIONS), 0)
  assert.equal(certainlyMissedPings(50_000, OPTIONS), 1)
  assert.equal(certainlyMissedPings(109_999, OPTIONS), 2)
  assert.equal(certainlyMissedPings(110_000, OPTIONS), 3)
})

test('a silent connection is closed after three missed pings, and those are counted', () => {
  const { connection, dead, counts, pass } = setup()
  pass(105_000)
  assert.equal(dead.length, 0)
  pass(10_000)
  assert.equal(dead.length, 1)
  assert.match(String(connection.abortedWith), /nothing was received/)
  assert.equal(counts.missed, 3)
})

test('a slow peer that sends a byte now and then is never closed', () => {
  const { connection, dead, pass } = setup()
  for (let round = 0; round < 20; round++) {
    pass(100_000)
    connection.receive()
  }
  assert.equal(dead.length, 0)
})

test('time in which this process slept is no silence of the peer', () => {
  const { clock, connection, dead, reaper, pass } = setup()
  pass(20_000)
  clock.nowMs += 3_600_000
  reaper.check()
  assert.equal(dead.length, 0)
  pass(85_000)
  assert.equal(connection.abortedWith, null)
  pass(10_000)
  assert.equal(dead.length, 1)
})

test('a closed connection is forgotten', () => {
  const { open, reaper } = setup()
  assert.equal(reaper.size, 1)
  open.clear()
  reaper.check()
  assert.equal(reaper.size, 0)
})
