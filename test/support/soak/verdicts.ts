import { isIP } from 'node:net'

import type { Bootstrap } from './bootstrap.ts'
import type { FinishReport, WriteReport } from './messages.ts'
import { HOSTILE_ADDRESSES, hostileIp } from './places.ts'
import type { Plan } from './plan.ts'
import {
  median,
  quantile,
  quietSamples,
  type Sample,
  type Slope,
  slopeOf,
  waitPercent,
} from './samples.ts'

/** What is kept of a bootstrap over its lives. */
export type BootstrapRecord = Pick<
  Bootstrap,
  'place' | 'ends' | 'crashes' | 'errorCount' | 'errorLines' | 'warnings' | 'shunned'
>

export interface Outcome {
  readonly plan: Plan
  readonly node: BootstrapRecord
  readonly partner: BootstrapRecord
  /** After the warm-up. */
  readonly nodeSamples: readonly Sample[]
  readonly partnerSamples: readonly Sample[]
  readonly writes: readonly WriteReport[]
  readonly isDisturbed: (fromMs: number, toMs: number) => boolean
  readonly finish: FinishReport | null
  /** Somebody ended it before its time: nobody compared the views. */
  readonly isInterrupted: boolean
  /** Processes of the rig that ended by themselves, and what they said. */
  readonly broken: readonly string[]
}

export interface Verdict {
  readonly name: string
  /** null: the machine did not let it be seen. */
  readonly isMet: boolean | null
  readonly figure: string
  readonly wanted: string
}

const WANTED = { rssMb: 400, loopP99Ms: 50, putMs: 10_000, localPutMs: 500, stopMs: 10_000 }
/** Loose files: a database opens and closes its tables. */
const LOOSE_FILES = 48
/** Sockets that are no connection: handshakes, the API's, listeners. */
const LOOSE_SOCKETS = 40
const SETTLED_IN_MS = 10_000
/** Fewer writes say nothing. */
const FEWEST_WRITES = 5
/** An idle loop that is later is on a machine with other work: eight stations in one process are late too. */
const BUSY_IDLE_MS = 25
/** Of the time that a loop's figure is about. */
const WAIT_SHARE = 0.05
/** Shares of the minutes: a machine that does other work as well is late itself now and then. */
const LOOP_SHARE = 0.95

export function judge(outcome: Outcome): Verdict[] {
  return [
    rssSlope(outcome),
    rssMax(outcome),
    ...descriptors(outcome),
    loopDelay(outcome),
    ...deliveries(outcome),
    ...views(outcome),
    ...ends(outcome),
    shunned(outcome),
    errorLines(outcome),
    rig(outcome),
  ]
}

/** Of the partner, which is never restarted and has the same load. */
function rssSlope({ plan, partnerSamples: samples }: Outcome): Verdict {
  const rss = slopeOf(samples, ({ rssMb }) => rssMb)
  const heap = slopeOf(samples, ({ heapMb }) => heapMb)
  const entries = slopeOf(samples, ({ logEntries }) => logEntries)
  const bound = plan.rssSlopeMbPerHour
  const figure =
    `${signed(rss)} MB/h of RSS; heap ${signed(heap)} MB/h; log ${signed(entries)} entries/h; ` +
    `${rss.points} points`
  // What the samples do not show to be growth is none; a slope that nobody could measure is no pass.
  const isMet = rss.perHour - rss.plusMinus < bound
  return { name: 'RSS slope (partner, 95 % interval)', isMet, figure, wanted: `< ${bound} MB/h` }
}

function rssMax({ nodeSamples, partnerSamples }: Outcome): Verdict {
  const most = (samples: readonly Sample[]) => Math.max(...samples.map(({ peakMb }) => peakMb))
  const [node, partner] = [most(nodeSamples), most(partnerSamples)]
  return {
    name: 'RSS at its highest (node, partner)',
    isMet: Math.max(node, partner) < WANTED.rssMb,
    figure: `${node.toFixed(0)} MB, ${partner.toFixed(0)} MB`,
    wanted: `< ${WANTED.rssMb} MB`,
  }
}

function descriptors({ partnerSamples: samples }: Outcome): Verdict[] {
  const early = samples.slice(0, Math.max(3, Math.floor(samples.length / 5)))
  const late = samples.slice(-early.length)
  const files = (some: readonly Sample[]) => median(some.map((one) => one.files))
  const growth = files(late) - files(early)
  const loose = quantile(
    samples.map(({ sockets, connections }) => sockets - connections),
    0.95,
  )
  return [
    {
      name: 'open files (partner)',
      isMet: growth <= LOOSE_FILES,
      figure: `${files(early)} at first, ${files(late)} at last`,
      wanted: `no more than ${LOOSE_FILES} more`,
    },
    {
      name: 'sockets beside connections (partner, 95 %)',
      isMet: loose <= LOOSE_SOCKETS,
      figure: `${loose}`,
      wanted: `<= ${LOOSE_SOCKETS}`,
    },
  ]
}

/** A process without a processor is late by that: such minutes are shown and not judged. */
function loopDelay({ nodeSamples, partnerSamples }: Outcome): Verdict {
  const figures = [nodeSamples, partnerSamples].map((all) => {
    const p99 = quietSamples(all, WAIT_SHARE).map(({ loopP99Ms }) => loopP99Ms)
    const raw = all.map(({ loopP99Ms }) => loopP99Ms)
    const longest = Math.max(...all.map(({ loopMaxMs }) => loopMaxMs))
    const mostMs = quantile(p99, LOOP_SHARE)
    const text =
      `${mostMs.toFixed(0)} ms in ${p99.length} of ${all.length} samples that count; all: middle ` +
      `${median(raw).toFixed(0)}, 95 % ${quantile(raw, LOOP_SHARE).toFixed(0)}, longest block ` +
      `${longest.toFixed(0)} ms, without a processor ${waitPercent(all).toFixed(0)} % of the time`
    return { mostMs, text }
  })
  const judged = figures.filter(({ mostMs }) => !Number.isNaN(mostMs))
  return {
    name: 'event loop p99 by the minute, 95 % of them (node; partner)',
    isMet: judged.length === 0 ? null : judged.every(({ mostMs }) => mostMs < WANTED.loopP99Ms),
    figure: figures.map(({ text }) => text).join('; '),
    wanted: `< ${WANTED.loopP99Ms} ms where it waited for a processor < ${100 * WAIT_SHARE} % of the time`,
  }
}

function deliveries({ writes, isDisturbed, partnerSamples }: Outcome): Verdict[] {
  const until = ({ atMs, deliveredMs }: WriteReport) =>
    atMs + (deliveredMs ?? Number.POSITIVE_INFINITY)
  const calm = writes.filter((write) => !isDisturbed(write.atMs, until(write)))
  const calmMs = calm.map(({ deliveredMs }) => deliveredMs ?? Number.POSITIVE_INFINITY)
  const all = writes.map(({ deliveredMs }) => deliveredMs ?? Number.POSITIVE_INFINITY)
  const p95 = quantile(calmMs, 0.95)
  const local = writes.map(({ localMs }) => localMs)
  const slowest = Math.max(0, ...calmMs)
  const isBusy = median(partnerSamples.map(({ idleP99Ms }) => idleP99Ms)) > BUSY_IDLE_MS
  return [
    {
      name: 'honest put at all stations, in calm (95 %)',
      isMet: calm.length < FEWEST_WRITES ? null : p95 < WANTED.putMs,
      figure:
        `${seconds(p95)} of ${calm.length} writes, middle ${seconds(median(calmMs))}, slowest ` +
        `${seconds(slowest)}; with partitions and restarts ${seconds(quantile(all, 0.95))} of ${all.length}`,
      wanted: `< ${WANTED.putMs / 1000} s`,
    },
    {
      name: 'honest put at its own station (95 %)',
      isMet:
        isBusy || local.length < FEWEST_WRITES ? null : quantile(local, 0.95) < WANTED.localPutMs,
      figure: `${quantile(local, 0.95).toFixed(0)} ms, slowest ${Math.max(0, ...local).toFixed(0)} ms`,
      wanted: `< ${WANTED.localPutMs} ms where an idle loop is not later than ${BUSY_IDLE_MS} ms`,
    },
  ]
}

/** Of those that were late although nothing happened, the slowest: where to look. */
export function lateWrites({ writes, isDisturbed }: Outcome): string[] {
  return writes
    .map((write) => ({ ...write, tookMs: write.deliveredMs ?? Number.POSITIVE_INFINITY }))
    .filter(({ atMs, tookMs }) => tookMs > WANTED.putMs && !isDisturbed(atMs, atMs + tookMs))
    .sort((a, b) => b.tookMs - a.tookMs)
    .slice(0, 10)
    .map(
      ({ atMs, tookMs, localMs, slowest }) =>
        `late: written ${new Date(atMs).toISOString()}, ${seconds(localMs)} at home, ` +
        `${seconds(tookMs)} in all, last at ${slowest}`,
    )
}

function views({ finish, isInterrupted }: Outcome): Verdict[] {
  const after = finish?.equalAfterMs ?? null
  const missing = Object.values(finish?.missing ?? { all: 1 })
  const lists = Object.values(finish?.listed ?? {})
  return [
    {
      name: 'every honest record, at every station',
      isMet: isInterrupted ? null : finish !== null && missing.every((count) => count === 0),
      figure: `${finish?.expected ?? 0} records, missing or old: ${missing.join(' ')}`,
      wanted: 'none missing',
    },
    {
      name: 'views equal after the last write',
      isMet: isInterrupted ? null : after !== null && after < SETTLED_IN_MS,
      figure: `${after === null ? 'never' : seconds(after)}; listed ${lists.join(' ')}`,
      wanted: `< ${SETTLED_IN_MS / 1000} s`,
    },
  ]
}

function ends({ node, partner }: Outcome): Verdict[] {
  const all = [...node.ends, ...partner.ends]
  const slowest = Math.max(...all.map(({ ms }) => ms))
  return [
    {
      name: 'SIGTERM to end',
      isMet: slowest < WANTED.stopMs,
      figure: `slowest of ${all.length}: ${seconds(slowest)}`,
      wanted: `< ${WANTED.stopMs / 1000} s`,
    },
    {
      name: 'exit codes, and ends that nobody asked for',
      isMet: all.every(({ code }) => code === 0) && node.crashes + partner.crashes === 0,
      figure: `${all.map(({ code }) => code).join(' ')}; ${node.crashes + partner.crashes}`,
      wanted: '0 each; none',
    },
  ]
}

/** By address; who was shunned after it had left is not known by it, and is not counted. */
function shunned({ node, partner }: Outcome): Verdict {
  const enemies = new Set(Array.from({ length: HOSTILE_ADDRESSES }, (_, index) => hostileIp(index)))
  const all = [...node.shunned, ...partner.shunned].filter(([what]) => isIP(hostOf(what)) !== 0)
  const honest = all.filter(([what]) => !enemies.has(hostOf(what)))
  const total = all.reduce((sum, [, count]) => sum + count, 0)
  return {
    name: 'honest peers shunned',
    isMet: honest.length === 0,
    figure: `${honest.map(([what]) => what).join(', ') || 'none'}; hostile ones ${total} times`,
    wanted: 'none',
  }
}

const hostOf = (shunning: string) => shunning.split(' ', 1)[0] ?? ''

function errorLines({ node, partner }: Outcome): Verdict {
  return {
    name: 'log lines of level error (warn)',
    isMet: node.errorCount + partner.errorCount === 0,
    figure: `${node.errorCount + partner.errorCount} (${warned(node) + warned(partner)})`,
    wanted: 'none (any)',
  }
}

function rig({ broken }: Outcome): Verdict {
  return {
    name: 'processes of the rig that broke',
    isMet: broken.length === 0,
    figure: `${broken.length}`,
    wanted: 'none',
  }
}

function warned({ warnings }: BootstrapRecord): number {
  return [...warnings.values()].reduce((sum, count) => sum + count, 0)
}

function signed({ perHour, plusMinus }: Slope): string {
  return `${perHour >= 0 ? '+' : ''}${perHour.toFixed(2)} ± ${plusMinus.toFixed(2)}`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}
