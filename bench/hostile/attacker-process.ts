/** Floods a node until it is told to stop, and says then what it sent; see `attackers.ts`. */
import { setTimeout as delay } from 'node:timers/promises'

import { hostIp } from '../../test/support/one-host-net.ts'
import type { AttackOptions, AttackReport } from './attackers.ts'
import { FLOODS } from './floods/index.ts'

/** Time for the floods to end by themselves. */
const END_MS = 1000
/**
 * When all flood together, those who only open sockets begin later: else the handshakes that the node still makes
 * with strangers are taken, and no flood behind a handshake gets in to be seen.
 */
const SOCKET_FLOODS = ['half-open', 'one-address', 'slow-writer', 'ws-frames']
const SOCKETS_AFTER_MS = 20_000
/** The first subnets are those of honest stations, who are not attacked by their neighbours. */
const FIRST_SUBNET = 32
const SUBNETS_PER_FLOOD = 20
const SUBNETS = 512

const { target, floods, areTogether }: AttackOptions = JSON.parse(process.argv[2] ?? '{}')

const names = Object.keys(FLOODS)
const stop = new AbortController()
const counts: Record<string, Record<string, number>> = {}
// What a node under attack does to a socket of ours shows up anywhere in the libraries.
process.on('uncaughtException', () => {})
process.on('unhandledRejection', () => {})

const run = async (name: string) => {
  const sent: Record<string, number> = {}
  counts[name] = sent
  const first = FIRST_SUBNET + names.indexOf(name) * SUBNETS_PER_FLOOD
  const host = (index: number) =>
    hostIp(first + (index % SUBNETS_PER_FLOOD) + SUBNETS * Math.floor(index / SUBNETS_PER_FLOOD))
  const count = (what: string, by = 1) => {
    sent[what] = (sent[what] ?? 0) + by
  }
  try {
    if (areTogether && SOCKET_FLOODS.includes(name)) {
      await delay(SOCKETS_AFTER_MS, undefined, { signal: stop.signal })
    }
    await FLOODS[name]?.({ target, host, signal: stop.signal, count })
  } catch (error) {
    if (!stop.signal.aborted) console.error(`${name} ended early:`, error)
  }
}
let cpu = process.cpuUsage()
let loop = performance.eventLoopUtilization()
let all: Promise<unknown>[] = []
// The parent says when, so that a window never begins before its flood does.
process.send?.('ready')
process.on('message', async (message) => {
  if (message === 'start') {
    cpu = process.cpuUsage()
    loop = performance.eventLoopUtilization()
    all = floods.map(run)
    return
  }
  stop.abort()
  const { user, system } = process.cpuUsage(cpu)
  const { active, idle, utilization } = performance.eventLoopUtilization(loop)
  await Promise.race([Promise.all(all), delay(END_MS)])
  const report: AttackReport = {
    counts,
    cpuPercent: (user + system) / 10 / (active + idle),
    busyPercent: utilization * 100,
  }
  process.send?.(report)
})
process.on('disconnect', () => process.exit(0))
