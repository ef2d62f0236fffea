/**
 * Loaded into the node under test with `--import`: says on a socket how late timers ran since it was last
 * asked, and the processor time since then. The node's own gauge covers one to two minutes, which would mix
 * one flood with the one before it. The program replaces itself at its start, so that no channel to a parent
 * lives on.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { createServer } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import process from 'node:process'

// As fine as the node's own monitor.
const RESOLUTION_MS = 20
const path = process.env.BENCH_PROBE ?? ''
const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
histogram.enable()
let cpu = process.cpuUsage()

/** Processor time of the loop's thread between timers: what the loop is late by its own doing. */
let held = []
let lastMs = threadMs()
setInterval(() => {
  const nowMs = threadMs()
  held.push(Math.max(0, nowMs - lastMs - RESOLUTION_MS))
  lastMs = nowMs
}, RESOLUTION_MS).unref()

rmSync(path, { force: true })
createServer((socket) => {
  socket.on('error', () => {})
  const reading = read()
  saveProfile()
  socket.end(JSON.stringify(reading))
})
  .listen(path)
  .unref()

function read() {
  const late = (ns) => (histogram.count === 0 ? 0 : Math.max(0, ns / 1e6 - RESOLUTION_MS))
  const { user, system } = process.cpuUsage(cpu)
  cpu = process.cpuUsage()
  held.sort((a, b) => a - b)
  const reading = {
    p99Ms: late(histogram.percentile(99)),
    maxMs: late(histogram.max),
    ownP99Ms: held[Math.ceil(held.length * 0.99) - 1] ?? 0,
    ownMaxMs: held.at(-1) ?? 0,
    cpuSeconds: (user + system) / 1e6,
  }
  histogram.reset()
  held = []
  return reading
}

/** What the loop did since the last reading, when a folder is named: slows the node, so not for figures. */
const profileFolder = process.env.BENCH_PROFILE ?? ''
let profiles = 0
const session = profileFolder === '' ? null : new Session()
session?.connect()
session?.post('Profiler.enable')
session?.post('Profiler.start')

function saveProfile() {
  session?.post('Profiler.stop', (_, { profile }) => {
    profiles += 1
    writeFileSync(`${profileFolder}/${profiles}.cpuprofile`, JSON.stringify(profile))
  })
  session?.post('Profiler.start')
}

function threadMs() {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
