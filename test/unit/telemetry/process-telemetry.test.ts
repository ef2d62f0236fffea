import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { readProcessMemory } from '../../../src/telemetry/process-metrics.ts'
import { createProcessTelemetry } from '../../../src/telemetry/process-telemetry.ts'
import { waitFor } from '../../support/wait-for.ts'

/** Value of one sample in Prometheus' text; NaN when it is not there. */
function sample(text: string, name: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `))
  return line === undefined ? Number.NaN : Number(line.slice(name.length + 1))
}

function blockMs(ms: number): void {
  const endMs = Date.now() + ms
  while (Date.now() < endMs);
}

describe('process metrics', () => {
  it('tell memory, processor time, uptime and open files', async () => {
    const metrics = createMetrics()
    createProcessTelemetry(metrics)
    const text = await metrics.text()
    const rss = sample(text, 'wesense_process_resident_memory_bytes')
    const used = sample(text, 'wesense_process_heap_used_bytes')
    const limit = sample(text, 'wesense_process_heap_limit_bytes')
    assert.ok(rss > 20e6, `${rss}`)
    assert.ok(used > 1e6 && used < limit, `${used} of ${limit}`)
    assert.ok(sample(text, 'wesense_process_external_memory_bytes') > 0)
    assert.ok(sample(text, 'wesense_process_uptime_seconds') > 0)
    const fds = sample(text, 'wesense_process_open_fds')
    assert.ok(process.platform === 'linux' ? fds > 2 : fds === -1, `${fds}`)
    assert.ok(readProcessMemory().heapLimitBytes === limit)
  })

  it('count processor time up to the scrape itself, and never twice', async () => {
    const metrics = createMetrics()
    createProcessTelemetry(metrics)
    const name = 'wesense_process_cpu_seconds_total{mode="user"}'
    blockMs(50)
    const first = sample(await metrics.text(), name)
    assert.ok(first > 0.04, `${first}`)
    const second = sample(await metrics.text(), name)
    const real = process.cpuUsage().user / 1e6
    assert.ok(second >= first && second <= real, `${first} ${second} ${real}`)
  })
})

describe('event-loop delay', () => {
  it('shows a block of the loop to every reader, and nothing before start or after stop', async () => {
    const metrics = createMetrics()
    const telemetry = createProcessTelemetry(metrics)
    assert.deepEqual(telemetry.eventLoopDelay(), { p50Ms: 0, p99Ms: 0, maxMs: 0 })
    telemetry.start()
    telemetry.start()
    await waitFor(
      () => {
        // Again on each try: the monitor's first tick only takes the time to compare with.
        blockMs(150)
        return telemetry.eventLoopDelay().maxMs >= 100
      },
      { message: 'the block to show' },
    )
    assert.ok(telemetry.eventLoopDelay().maxMs >= 100)
    const scraped = sample(await metrics.text(), 'wesense_event_loop_delay_seconds{quantile="max"}')
    assert.ok(scraped >= 0.1, `${scraped}`)
    telemetry.stop()
    telemetry.stop()
    assert.deepEqual(telemetry.eventLoopDelay(), { p50Ms: 0, p99Ms: 0, maxMs: 0 })
  })

  it('keeps the worst of the last minute and forgets it after another', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const telemetry = createProcessTelemetry(createMetrics())
    telemetry.start()
    t.after(() => telemetry.stop())
    await waitFor(
      () => {
        blockMs(150)
        return telemetry.eventLoopDelay().maxMs >= 100
      },
      { message: 'the block to show' },
    )
    t.mock.timers.tick(60_000)
    assert.ok(telemetry.eventLoopDelay().maxMs >= 100)
    t.mock.timers.tick(60_000)
    assert.ok(telemetry.eventLoopDelay().maxMs < 100)
  })
})

describe('the heap', () => {
  it('tells what was alive at its last whole collection', async () => {
    setFlagsFromString('--expose-gc')
    const collect: () => void = runInNewContext('gc')
    const metrics = createMetrics()
    const telemetry = createProcessTelemetry(metrics)
    const before = telemetry.heap()
    assert.deepEqual([before.liveBytes, before.collections], [null, 0])
    assert.ok(before.usedBytes > 1e6 && before.usedBytes < before.limitBytes)
    telemetry.start()
    const isCollected = () => {
      collect()
      return telemetry.heap().collections > 0
    }
    await waitFor(isCollected, { message: 'a whole collection to be seen' })
    telemetry.stop()
    const { liveBytes } = telemetry.heap()
    assert.ok(liveBytes !== null && liveBytes > 1e6)
    const name = 'wesense_process_heap_live_bytes'
    assert.equal(sample(await metrics.text(), name), liveBytes)
  })
})

describe('pauses for garbage collection', () => {
  it('are counted by kind between start and stop', async () => {
    const metrics = createMetrics()
    const telemetry = createProcessTelemetry(metrics)
    const name = 'wesense_gc_pause_seconds_count{kind="minor"}'
    telemetry.start()
    await waitFor(
      async () => {
        // Garbage enough to fill the young generation.
        for (let i = 0; i < 1000; i++) JSON.parse(`[${'{"a":[1]},'.repeat(100)}0]`)
        return sample(await metrics.text(), name) > 0
      },
      { message: 'a pause to be counted' },
    )
    telemetry.stop()
    telemetry.stop()
  })
})
