import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import type { NetworkOptions } from '../../src/network/index.ts'

const SCRIPT = fileURLToPath(new URL('stations-process.ts', import.meta.url))

export interface StationsProcessOptions {
  readonly stations: readonly {
    readonly hosts?: readonly string[]
    readonly port?: number
    readonly seeds?: readonly string[]
    /** Earlier stations of this list, by index, as further seeds. */
    readonly seedOf?: readonly number[]
    readonly targetPeers?: number
    readonly discovery?: NetworkOptions['discovery']
    /** Ready is said when it has so many connections, and none came or went for a second. */
    readonly settledAt?: number
  }[]
}

export interface StationAddress {
  readonly peerId: string
  readonly address: string
}

export interface StationView {
  readonly connected: readonly string[]
  readonly known: readonly string[]
}

export interface Stations {
  readonly stations: readonly StationAddress[]
  /** What each station sees now. */
  look(): Promise<StationView[]>
  stop(): Promise<void>
}

/**
 * Starts stations in a process of their own. @param prefix command that runs node elsewhere, such as
 * `['ip', 'netns', 'exec', 'name']`. @throws what the process said when it ends early.
 */
export async function startStations(
  options: StationsProcessOptions,
  prefix: readonly string[] = [],
): Promise<Stations> {
  const [command = '', ...args] = [...prefix, process.execPath, SCRIPT, JSON.stringify(options)]
  const child = spawn(command, args, { stdio: 'pipe' })
  let complaint = ''
  child.stderr.on('data', (chunk) => {
    complaint = `${complaint}${chunk}`.slice(-4000)
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const read = async () => {
    const line = await lines.next()
    if (line.done === true) throw new Error(`the stations' process ended: ${complaint}`)
    return JSON.parse(line.value)
  }
  const stations: StationAddress[] = await read()
  return {
    stations,
    look: async () => {
      child.stdin.write('look\n')
      return read()
    },
    stop: () => stop(child),
  }
}

async function stop(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
  child.stdin.end()
  await ended
  clearTimeout(timer)
}
