/** The process edge: argv, environment, signals, exit code. Nothing else touches `process`. */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import { getHeapStatistics } from 'node:v8'
import manifest from '../package.json' with { type: 'json' }
import { type ProcessFacts, runCli } from './cli/index.ts'
import { ALLOCATOR_ENV, HEAP_APPLIED_ENV, heapFlags, isHeapApplied } from './config/index.ts'

/** Container engines kill after ten seconds: a message and an exit code are better. */
const STOP_LIMIT_MS = 10_000
/** For a pipe that takes nothing to take the last lines of a node that ends, or of a failure. */
const LAST_LINES_MS = 1000

const stopping = new AbortController()
let reportFatal = (error: unknown, what: string): void => {
  process.stderr.write(`wesense-node: ${what}: ${inspect(error)}\n`)
}

function onStopSignal(signal: NodeJS.Signals): void {
  if (stopping.signal.aborted) {
    process.stderr.write(`wesense-node: second ${signal}, exiting at once\n`)
    process.exit(1)
  }
  stopping.abort()
  const timer = setTimeout(() => {
    process.stderr.write(`wesense-node: not stopped within ${STOP_LIMIT_MS / 1000} s, exiting\n`)
    process.exit(1)
  }, STOP_LIMIT_MS)
  timer.unref()
}

function onFatal(error: unknown, what: string): void {
  try {
    reportFatal(error, what)
  } finally {
    process.exit(1)
  }
}

/** A reader that went away (`wesense-node status | head -1`) is no reason to fail, or to die. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

/** Once all that was said has gone to the system, or cannot any more. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()))
}

function memoryLimitBytes(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}

/**
 * V8 takes its heap limit at start only, and glibc its arenas, so the process replaces itself with one that
 * has them: same process ID, same standard streams, no parent that waits. One that has the limit already, by
 * flags of the operator's, stays as it is.
 */
function applyHeapCap(heapMb: number): string | null {
  const isReplaced = process.env[HEAP_APPLIED_ENV] === String(heapMb)
  delete process.env[HEAP_APPLIED_ENV]
  if (isHeapApplied(heapMb, getHeapStatistics().heap_size_limit)) return null
  const problem = `The heap cap of ${heapMb} MB is not in force`
  if (isReplaced) return `${problem}: NODE_OPTIONS or another flag sets the heap`
  if (typeof process.execve !== 'function')
    return `${problem}: this system cannot replace a process`
  const [script, ...args] = process.argv.slice(1)
  if (script === undefined) return `${problem}: there is no script to run again`
  const flags = process.execArgv.filter((flag) => !/^--max-(old|semi)-space-size/.test(flag))
  const env = { ...ALLOCATOR_ENV, ...process.env, [HEAP_APPLIED_ENV]: String(heapMb) }
  process.execve(
    process.execPath,
    [process.execPath, ...flags, ...heapFlags(heapMb), script, ...args],
    env,
  )
  return problem
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

const facts: ProcessFacts = {
  pid: process.pid,
  nodeVersion: process.versions.node,
  isAlive,
  memoryLimitBytes: memoryLimitBytes(),
  applyHeapCap,
  stopSignal: stopping.signal,
  setTimeZone: (zone) => {
    process.env.TZ = zone
  },
  onFatal: (report) => {
    reportFatal = report
  },
}

// A diagnostic report that somebody asks for shows no secret of the environment.
if (process.report !== undefined) process.report.excludeEnv = true
process.on('SIGTERM', onStopSignal)
process.on('SIGINT', onStopSignal)
// A closed terminal is no reason to stop a station.
process.on('SIGHUP', () => {})
process.on('uncaughtException', (error) => onFatal(error, 'Uncaught exception'))
process.on('unhandledRejection', (reason) => onFatal(reason, 'Unhandled rejection'))
process.stdout.on('error', onOutputError)
process.stderr.on('error', onOutputError)

const exitCode = await runCli({
  argv: process.argv.slice(2),
  env: process.env,
  output: {
    out: (text) => process.stdout.write(text),
    error: (text) => process.stderr.write(text),
  },
  process: facts,
  version: manifest.version,
  readTextFile: (path) => readFileSync(path, 'utf8'),
  readFile: async (path) => (path === '-' ? await buffer(process.stdin) : await readFile(path)),
})
// Who reads a command's long output through a pipe reads it at leisure; nothing else waits for a reader.
const isRead = Promise.all([written(process.stdout), written(process.stderr)])
const isOutput = exitCode === 0 && !stopping.signal.aborted
await (isOutput ? isRead : Promise.race([isRead, delay(LAST_LINES_MS)]))
// Handles that a library keeps must not hold up the end.
process.exit(exitCode)
