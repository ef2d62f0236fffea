import { loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { insideNet, isInsideNet, limitTo, NODE_IP } from '../test/support/one-host-net.ts'
import { answersBetween } from './hostile/answers.ts'
import { type Attackers, type AttackReport, prepareAttackers } from './hostile/attackers.ts'
import { FLOODS } from './hostile/floods/index.ts'
import { type Honest, startHonest } from './hostile/honest.ts'
import { NETWORK_NAME, type NodeUnderTest, startNode, TCP_PORT, WS_PORT } from './hostile/node.ts'
import { header, lines, type Row, verdicts } from './hostile/table.ts'
import type { Target } from './hostile/types.ts'
import { measureWrites } from './hostile/writes.ts'
import { inFolder } from './station-process.ts'

const LIMIT = { memoryMb: 512, cpus: 1 }
const HONEST_PROCESSES = 2
const HONEST_EACH = 10
/** Floods of the last round are spread over so many processes. */
const ALL_PROCESSES = 3
const CALM_MS = 3000
/** Rounds that need longer: the node asks the DHT each half minute, and all floods begin side by side. */
const LEAST_SECONDS: Readonly<Record<string, number>> = { 'poisoned-peers': 40, all: 40 }

/**
 * What the built program holds on 512 MB and one processor while strangers do their worst: each flood by
 * itself, then all together, against twenty honest stations that write records all along. `--only` takes
 * names of floods, `calm` and `all`; `--seconds` is the length of each.
 */
export async function run(args: string[]): Promise<void> {
  if (!isInsideNet()) {
    const script = fileURLToPath(new URL('index.ts', import.meta.url))
    process.exitCode = await insideNet(script, ['hostile', ...args])
    return
  }
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', multiple: true, default: [] },
      seconds: { type: 'string', default: '20' },
    },
  })
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(1))
  const rounds = roundsOf(values.only)
  await inFolder((folder) => inLab(folder, (lab) => measure(lab, rounds, Number(values.seconds))))
}

interface Round {
  readonly name: string
  readonly floods: readonly string[]
}

function roundsOf(only: readonly string[]): readonly Round[] {
  const names = Object.keys(FLOODS)
  const all: Round[] = [
    { name: 'calm', floods: [] },
    ...names.map((name) => ({ name, floods: [name] })),
    { name: 'all', floods: names },
  ]
  for (const name of only) {
    if (!all.some((round) => round.name === name)) throw new Error(`no such flood: ${name}`)
  }
  return only.length === 0 ? all : all.filter(({ name }) => only.includes(name))
}

interface Lab {
  readonly node: NodeUnderTest
  readonly honest: readonly Honest[]
  readonly target: Target
}

async function inLab(folder: string, use: (lab: Lab) => Promise<void>): Promise<void> {
  const limit = limitTo(LIMIT)
  const honest: Honest[] = []
  let node: NodeUnderTest | null = null
  try {
    node = await startNode(folder, limit.prefix)
    const { peerId } = node
    const seed = `/ip4/${NODE_IP}/tcp/${TCP_PORT}/p2p/${peerId}`
    const common = { seed, nodePeerId: peerId, networkName: NETWORK_NAME, count: HONEST_EACH }
    for (let i = 0; i < HONEST_PROCESSES; i++) {
      honest.push(await startHonest({ ...common, first: i * HONEST_EACH }))
    }
    const topics = honest[0]?.start.topics ?? []
    const address = { ip: NODE_IP, tcpPort: TCP_PORT, wsPort: WS_PORT, peerId }
    await use({ node, honest, target: { ...address, networkName: NETWORK_NAME, topics } })
  } finally {
    for (const one of honest) await one.stop()
    await node?.stop()
    await limit.remove()
  }
}

async function measure(lab: Lab, rounds: readonly Round[], seconds: number): Promise<void> {
  console.log(`node limited to ${LIMIT.memoryMb} MB and ${LIMIT.cpus} processor, load ${load()}`)
  console.log(header())
  const rows: Row[] = []
  for (const round of rounds) {
    if (!lab.node.isRunning) break
    const row = await measureRound(lab, round, seconds)
    rows.push(row)
    for (const line of lines(row)) console.log(line)
  }
  for (const verdict of verdicts(rows)) console.log(verdict)
  if (!lab.node.isRunning) console.log(`the node ${lab.node.end}`)
}

async function measureRound(lab: Lab, round: Round, wantedSeconds: number): Promise<Row> {
  const { node, honest } = lab
  const seconds = Math.max(wantedSeconds, LEAST_SECONDS[round.name] ?? 0)
  await delay(CALM_MS)
  const attackers = await prepare(lab, round)
  await Promise.all(honest.map((one) => one.standing()))
  const before = await node.metrics()
  await node.read()
  const startedAtMs = performance.now()
  for (const one of attackers) one.start()
  const [attack, writes] = await Promise.all([
    delay(seconds * 1000).then(() => stopAll(attackers)),
    measureWrites(
      honest.flatMap(({ start }) => start.apis),
      {
        nodeUrl: node.apiUrl,
        tag: `${round.name}-${Math.round(startedAtMs)}`,
        signal: AbortSignal.timeout(seconds * 1000),
      },
    ),
  ])
  const elapsedSeconds = (performance.now() - startedAtMs) / 1000
  const reading = await node.read()
  const answers = answersBetween(before, await node.metrics())
  const standings = await Promise.all(honest.map((one) => one.standing()))
  const sum = (read: (standing: { lost: number; connected: number }) => number) =>
    standings.reduce((total, standing) => total + read(standing), 0)
  return {
    name: round.name,
    reading,
    cpuPercent: ((reading?.cpuSeconds ?? 0) / elapsedSeconds) * 100,
    honest: HONEST_PROCESSES * HONEST_EACH,
    kept: HONEST_PROCESSES * HONEST_EACH - sum(({ lost }) => lost),
    connected: sum(({ connected }) => connected),
    writes,
    attack,
    answers,
    load: load(),
  }
}

async function prepare({ target }: Lab, { floods }: Round): Promise<Attackers[]> {
  const processes = Math.min(ALL_PROCESSES, floods.length)
  const groups = Array.from({ length: processes }, (_, i) =>
    floods.filter((_, index) => index % processes === i),
  )
  return Promise.all(
    groups.map((group) =>
      prepareAttackers({ target, floods: group, areTogether: floods.length > 1 }),
    ),
  )
}

async function stopAll(attackers: readonly Attackers[]): Promise<AttackReport> {
  const reports = await Promise.all(attackers.map((one) => one.stop()))
  const known = reports.filter((report) => report !== null)
  return {
    counts: Object.assign({}, ...known.map(({ counts }) => counts)),
    cpuPercent: known.reduce((sum, { cpuPercent }) => sum + cpuPercent, 0),
    busyPercent: known.reduce((sum, { busyPercent }) => sum + busyPercent, 0),
  }
}

function load(): string {
  return loadavg()[0]?.toFixed(1) ?? '?'
}
