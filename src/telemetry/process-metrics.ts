import { readdirSync } from 'node:fs'
import process from 'node:process'
import { getHeapStatistics } from 'node:v8'

import type { Metrics } from './metrics.ts'

export interface ProcessMemory {
  readonly rssBytes: number
  readonly heapUsedBytes: number
  /** Where the garbage collector gives up: `ORBITDB_HEAP_MB` and a little more. */
  readonly heapLimitBytes: number
}

export function readProcessMemory(): ProcessMemory {
  const heap = getHeapStatistics()
  return {
    rssBytes: process.memoryUsage.rss(),
    heapUsedBytes: heap.used_heap_size,
    heapLimitBytes: heap.heap_size_limit,
  }
}

/** What the operating system and V8 say of this process; read at each scrape, nothing to stop. */
export function registerProcessMetrics(metrics: Metrics): void {
  const gauge = (name: string, help: string, read: () => number) =>
    metrics.gauge({ name, help, collect: (self) => self.set(read()) })

  gauge('wesense_process_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss())
  gauge(
    'wesense_process_heap_used_bytes',
    'JavaScript heap in use',
    () => getHeapStatistics().used_heap_size,
  )
  gauge(
    'wesense_process_heap_limit_bytes',
    'JavaScript heap beyond which the process ends',
    () => getHeapStatistics().heap_size_limit,
  )
  gauge(
    'wesense_process_external_memory_bytes',
    'Memory of buffers and native objects that JavaScript holds',
    () => process.memoryUsage().external,
  )
  gauge(
    'wesense_process_open_fds',
    'Open file descriptors; -1 where they cannot be counted',
    openFds,
  )
  registerCpuSeconds(metrics)
}

function registerCpuSeconds(metrics: Metrics): void {
  const counted = { user: 0, system: 0 }
  // Registered before the counter, so that a scrape reads this gauge, and brings the counter up to
  // date, before it reads the counter.
  metrics.gauge({
    name: 'wesense_process_uptime_seconds',
    help: 'Time since the process started',
    collect: (self) => {
      self.set(process.uptime())
      const { user, system } = process.cpuUsage()
      seconds.inc({ mode: 'user' }, (user - counted.user) / 1e6)
      seconds.inc({ mode: 'system' }, (system - counted.system) / 1e6)
      counted.user = user
      counted.system = system
    },
  })
  const seconds = metrics.counter({
    name: 'wesense_process_cpu_seconds_total',
    help: 'Processor time used, by mode',
    labels: ['mode'],
  })
}

function openFds(): number {
  try {
    // One of them is the folder being read.
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return -1
  }
}
