/**
 * Loaded into the process that is measured, ours and the other alike, with `--import`: it answers each line on a
 * Unix socket with one `Reading` (types.ts) of the time since the last. `gc` collects all garbage after what
 * it reads; `snapshot <file>` writes a heap snapshot. Plain JavaScript, so that no compiler is loaded for it.
 */
import { createServer } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { setFlagsFromString, writeHeapSnapshot } from 'node:v8'
import { runInNewContext } from 'node:vm'

const MEGABYTE = 1_048_576
const RESOLUTION_MS = 10
const path = process.env.PEERS_BENCH_PROBE

function listen(socketPath) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  // Whole intervals are recorded, the timer's own included.
  const late = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)
  const read = (isCollected) => {
    const { rss, heapUsed, external } = process.memoryUsage()
    const reading = {
      rssMb: rss / MEGABYTE,
      heapMb: heapUsed / MEGABYTE,
      externalMb: external / MEGABYTE,
      loopP99Ms: late(histogram.percentile(99)),
      loopMaxMs: late(histogram.max),
      heapAfterGcMb: null,
    }
    if (isCollected) {
      collect()
      reading.heapAfterGcMb = process.memoryUsage().heapUsed / MEGABYTE
    }
    histogram.reset()
    return reading
  }
  const server = createServer((socket) => {
    socket.on('error', () => {})
    createInterface({ input: socket }).on('line', (line) => {
      const [what = '', file] = line.split(' ')
      if (what === 'snapshot') writeHeapSnapshot(file)
      socket.write(`${JSON.stringify(read(what === 'gc'))}\n`)
    })
  })
  server.listen(socketPath)
  server.unref()
}

function collect() {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

// The program replaces itself to set its heap: the probe is of the process that stays.
if (process.execArgv.some((flag) => flag.startsWith('--max-old-space'))) listen(path)
