/**
 * Runs one program in the place of this one: same streams, its exit code, and each stop request
 * passed on once.
 */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/**
 * Ctrl-C reaches this process twice: from the terminal and from npm. A second request within this
 * time is the same one; a later one is meant, and ends the program at once.
 */
const SAME_REQUEST_MS = 1000

/** Never returns in time: the process exits with the program's code, 128 + n after a signal. */
export function runChild(command, args, options = {}) {
  // Its own process group, so that the terminal's signal does not reach it beside ours.
  const child = spawn(command, args, { stdio: 'inherit', detached: true, ...options })
  let requestedAt = Number.NEGATIVE_INFINITY
  const passOn = () => {
    const now = performance.now()
    if (now - requestedAt < SAME_REQUEST_MS) return
    requestedAt = now
    child.kill('SIGTERM')
  }
  process.on('SIGINT', passOn)
  process.on('SIGTERM', passOn)
  // A closed terminal is no reason to stop a station.
  process.on('SIGHUP', () => {})
  child.on('error', (error) => {
    process.stderr.write(`${command} could not be started: ${error.message}\n`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    process.exit(signal === null ? code : 128 + constants.signals[signal])
  })
}
