/**
 * `npm run soak -- --minutes 120 [--seed n] [--peers n] [--stations n]`: two public bootstraps with a relay in an
 * internet of their own, with a hundred peers that come and go, three that mean harm, bad lines,
 * partitions and restarts. Prints a row a minute and what came of it; the exit code says whether all is
 * as wanted. Root, Linux.
 */
import { fileURLToPath } from 'node:url'

import { ensureBuilt } from '../../scripts/lib/ensure.mjs'
import { insideNet, isInsideNet } from '../support/one-host-net.ts'
import { type Plan, planOf } from '../support/soak/plan.ts'
import { Rig } from '../support/soak/rig.ts'
import { headRow, row, TABLE_NOTE, verdictLines } from '../support/soak/table.ts'
import { judge, lateWrites } from '../support/soak/verdicts.ts'

const ROWS_PER_HEAD = 20

const args = process.argv.slice(2)
const plan = planOf(args)
if (isInsideNet()) process.exitCode = await soak(plan)
else {
  ensureBuilt()
  process.exitCode = await insideNet(fileURLToPath(import.meta.url), args)
}

/** @returns the exit code */
async function soak(plan: Plan): Promise<number> {
  const interrupted = new AbortController()
  const interrupt = () => interrupted.abort()
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  // Whoever started this is gone: nobody reads it any more.
  const parent = process.ppid
  const orphaned = setInterval(() => process.ppid !== parent && interrupt(), 1000)
  console.log(`soak of ${plan.minutes} minutes, seed ${plan.seed}\n${TABLE_NOTE}`)
  const rig = await Rig.create(plan)
  try {
    await rig.start()
    await printed(rig, plan, rig.run(interrupted.signal))
  } finally {
    await rig.stop()
    clearInterval(orphaned)
  }
  const outcome = rig.outcome()
  const verdicts = judge(outcome)
  if (outcome.isInterrupted) console.log('Interrupted: the figures are of what there was.')
  for (const line of verdictLines(verdicts)) console.log(line)
  const { node, partner, broken } = outcome
  const lines = [...lateWrites(outcome), ...node.errorLines, ...partner.errorLines, ...broken]
  for (const line of lines) console.log(line)
  for (const { place, warnings } of [node, partner]) {
    for (const [text, count] of warnings) console.log(`warned, ${place.name}: ${count} x ${text}`)
  }
  const isAsWanted = verdicts.every(({ isMet }) => isMet !== false)
  return isAsWanted && !outcome.isInterrupted ? 0 : 1
}

/** A row now and then until the run is over. */
async function printed(rig: Rig, { rowEveryMs }: Plan, running: Promise<void>): Promise<void> {
  let rows = 0
  const print = () => {
    if (rows % ROWS_PER_HEAD === 0) console.log(headRow())
    rows += 1
    console.log(row(rig.view()))
  }
  const timer = setInterval(print, rowEveryMs)
  try {
    await running
  } finally {
    clearInterval(timer)
    print()
  }
}
