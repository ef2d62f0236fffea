/** The bench itself, run inside a network of its own by `bench/browsers.ts`, whose arguments it gets. */
import { loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { Scope } from '../../test/support/network.ts'
import { parseMetrics } from '../../test/support/node.ts'
import { hostIp, limitTo, NODE_IP } from '../../test/support/one-host-net.ts'
import { BUNDLE, startProgram } from '../../test/support/process.ts'
import { Child, cpuMs, IMAGE_ENV } from '../relay/child.ts'
import { say } from '../report.ts'
import { inFolder, memoryMb } from '../station-process.ts'
import type { ClientsRequest, ConnectFigures, HelloFigures } from './types.ts'

const WS_PORT = 4003
const PROCESSES = 2
/** A node that was just started is still filling its memory. */
const SETTLE_MS = 5_000
const IDLE_MS = 5_000

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '200' },
    rate: { type: 'string', default: '5' },
    links: { type: 'string', default: '2' },
    hellos: { type: 'string', default: '2' },
    memory: { type: 'string', default: '512' },
  },
})
const [clients, perSecond, links, hellos, nodeMb] = [
  values.clients,
  values.rate,
  values.links,
  values.hellos,
  values.memory,
].map(Number) as [number, number, number, number, number]

// What is started here ends with this process, and only an exit tells it so.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

const scope = new Scope()
try {
  await inFolder(measure)
} finally {
  await scope.end()
}

async function measure(cwd: string): Promise<void> {
  const limit = limitTo({ memoryMb: nodeMb, cpus: 1 })
  scope.after(() => limit.remove())
  const node = await startProgram(scope, {
    cwd,
    command: [...limit.prefix, process.execPath, BUNDLE],
    env: {
      ...IMAGE_ENV,
      LIBP2P_HOST: '0.0.0.0',
      LIBP2P_PORT: '4002',
      WS_PORT: String(WS_PORT),
      ANNOUNCE_ADDRESS: NODE_IP,
      RELAY_ENABLED: 'true',
      RELAY_POLICY: 'open',
    },
  })
  const pid = node.child.pid ?? 0
  const kill = () => node.child.kill('SIGKILL')
  process.on('exit', kill)
  const metrics = async () => parseMetrics(await (await fetch(`${node.apiUrl}/metrics`)).text())
  await delay(SETTLE_MS)
  const before = { mb: memoryMb(pid).residentMb, cpu: cpuMs(pid) }

  const children = Array.from({ length: PROCESSES }, () => {
    const child = new Child('../browsers/clients-process.ts', [])
    scope.after(() => child.end())
    return child
  })
  const askAll = <T>(requestOf: (index: number) => ClientsRequest): Promise<T[]> =>
    Promise.all(children.map((child, index) => child.ask<T>(requestOf(index))))

  // Linux answers a local address from that address: who dials 198.18.0.1 is 198.18.0.1 to the node.
  const addresses = Array.from(
    { length: clients },
    (_, index) => `/ip4/${hostIp(index)}/tcp/${WS_PORT}/ws/p2p/${node.peerId}`,
  )
  const everyMs = (1_000 * PROCESSES) / perSecond
  const startedAtMs = performance.now()
  await askAll((own) => ({
    do: 'connect',
    addresses: addresses.filter((_, index) => index % PROCESSES === own),
    everyMs,
    links,
  }))
  const connected = await untilConnected(() => askAll(() => ({ do: 'connected' })))
  const connectSeconds = (performance.now() - startedAtMs) / 1_000
  const connecting = cpuMs(pid) - before.cpu
  const columns = {
    onlineMs: 'connected',
    reservedMs: 'place held',
    linkedMs: 'first link',
  } as const
  say(`clients, one a host, ${perSecond} a second`, `${clients}; load ${loadavg()[0]?.toFixed(1)}`)
  for (const [key, what] of Object.entries(columns)) {
    const times = connected.flatMap((one) => one[key as keyof ConnectFigures] ?? [])
    say(`  connect() to ${what}`, quantiles(times, clients))
  }
  await delay(SETTLE_MS)
  const ends = (await askAll<number>(() => ({ do: 'links' }))).reduce((sum, one) => sum + one, 0)
  const held = memoryMb(pid)
  const idleCpu = cpuMs(pid)
  await delay(IDLE_MS)
  const idle = (cpuMs(pid) - idleCpu) / IDLE_MS
  const perClientKb = ((held.residentMb - before.mb) * 1_024) / clients
  say(
    'node, resident: before, with them, most',
    mb(before.mb, held.residentMb, memoryMb(pid).peakMb),
  )
  say('  a client', `${perClientKb.toFixed(0)} KB`)
  say(
    'node, processor: connecting, idle with them',
    `${(connecting / clients).toFixed(1)} ms a client over ${connectSeconds.toFixed(0)} s; ${(idle * 100).toFixed(1)} % of one`,
  )
  const atHellos = { metrics: await metrics(), cpu: cpuMs(pid), ms: performance.now() }
  const said: HelloFigures[] = []
  for (let time = 0; time < hellos; time++) {
    said.push(...(await askAll<HelloFigures>(() => ({ do: 'hello' }))))
  }
  const helloSeconds = (performance.now() - atHellos.ms) / 1_000
  const helloCpu = cpuMs(pid) - atHellos.cpu
  const after = await metrics()

  const circuits = sum(atHellos.metrics, 'wesense_relay_circuits')
  const refused = sum(after, 'wesense_relay_refused_total')
  say(
    'relayed pairs',
    `${ends / 2} of ${sum(atHellos.metrics, 'wesense_relay_circuits_limit')}; ${circuits} circuits, ${refused} refused`,
  )
  const bytes = (of: Map<string, number>) => sum(of, 'wesense_relay_bytes_total') / 1_048_576
  const answered = said.reduce((all, one) => all + one.answered, 0)
  const failed = said.reduce((all, one) => all + one.failed, 0)
  say(
    '  bytes passed on: making them, hellos',
    `${bytes(atHellos.metrics).toFixed(1)} MB; ${(bytes(after) - bytes(atHellos.metrics)).toFixed(1)} MB`,
  )
  say(
    '  hellos of 1 KB there and back',
    `${answered} in ${helloSeconds.toFixed(1)} s, ${failed} failed, ${(helloCpu / answered).toFixed(2)} ms of processor each`,
  )
  say(
    '  round trip',
    quantiles(
      said.flatMap(({ roundTripMs }) => [...roundTripMs]),
      answered,
    ),
  )
  process.off('exit', kill)
}

/** Asked every second, since an answer may not take longer than a minute. */
async function untilConnected(
  ask: () => Promise<(ConnectFigures[] | null)[]>,
): Promise<ConnectFigures[]> {
  for (;;) {
    const parts = await ask()
    const whole = parts.filter((part) => part !== null)
    if (whole.length === parts.length) return whole.flat()
    await delay(1_000)
  }
}

function quantiles(times: readonly number[], of: number): string {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.floor(sorted.length * share)] ?? Number.NaN)
  const missing = times.length < of ? `, ${of - times.length} never` : ''
  return `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms${missing}`
}

/** Of all samples with that name, whatever their labels. */
function sum(metrics: ReadonlyMap<string, number>, name: string): number {
  let total = 0
  for (const [key, value] of metrics) {
    if (key === name || key.startsWith(`${name}{`)) total += value
  }
  return total
}

function mb(...readings: readonly number[]): string {
  return `${readings.map((reading) => reading.toFixed(0)).join(', ')} MB`
}
