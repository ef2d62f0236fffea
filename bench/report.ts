import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { PROJECT_ROOT } from '../test/support/process.ts'

const MEGABYTE = 1_048_576

/** Without it no figure means anything: `machine: 2 x <processor>, 24 GB, Node v24.21.0, commit abc1234`. */
export function machineLine(): string {
  const processors = cpus()
  const model = processors[0]?.model.trim() || process.arch
  const memory = `${Math.round(totalmem() / MEGABYTE / 1024)} GB`
  return `machine: ${processors.length} x ${model}, ${memory}, Node ${process.version}, ${commit()}`
}

/** `median 456 ms, 440 to 512, 5 runs`. @param values at least one, any order */
export function spread(values: readonly number[], unit: string): string {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (index: number) => Math.round(sorted[index] ?? Number.NaN)
  const middle = Math.floor(sorted.length / 2)
  const median =
    sorted.length % 2 === 1
      ? at(middle)
      : Math.round(((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2)
  const runs = `${sorted.length} run${sorted.length === 1 ? '' : 's'}`
  return `median ${median} ${unit}, ${at(0)} to ${at(sorted.length - 1)}, ${runs}`
}

/** One figure, aligned under the others. */
export function say(what: string, reading: string): void {
  console.log(`${what.padEnd(53)} ${reading}`)
}

function commit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: PROJECT_ROOT, encoding: 'utf8' }).trim()
  try {
    const isChanged = git('status', '--porcelain', '--', 'src', 'package-lock.json') !== ''
    return `commit ${git('rev-parse', '--short', 'HEAD')}${isChanged ? ' with changes' : ''}`
  } catch {
    return 'commit unknown'
  }
}
