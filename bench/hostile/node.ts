import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

import { NODE_IP } from '../../test/support/one-host-net.ts'
import { QUIET_ENV } from '../../test/support/process.ts'
import { PROGRAMS } from '../station-process.ts'

const READY_LIMIT_MS = 60_000
const PROBE = fileURLToPath(new URL('probe.mjs', import.meta.url))

export const NETWORK_NAME = 'bench'
export const TCP_PORT = 4002
export const WS_PORT = 4003

const ENV = {
  NETWORK_NAME,
  LIBP2P_HOST: NODE_IP,
  LIBP2P_PORT: String(TCP_PORT),
  WS_PORT: String(WS_PORT),
  ANNOUNCE_ADDRESS: NODE_IP,
  RELAY_ENABLED: 'true',
  // More than there are, so that it goes on to ask the DHT for others.
  TARGET_PEERS: '64',
  API_RATE_LIMIT: '1000000',
}

export interface Reading {
  /** How late timers ran since the last reading. */
  readonly p99Ms: number
  readonly maxMs: number
  /** The same by the processor time of the loop's thread: without what it waited for a processor. */
  readonly ownP99Ms: number
  readonly ownMaxMs: number
  /** Since the last reading. */
  readonly cpuSeconds: number
  /** Most resident memory since the last reading. */
  readonly rssMaxMb: number
}

/** The built program under its limits, on a public address. */
export class NodeUnderTest {
  readonly apiUrl: string
  readonly peerId: string
  readonly #child: ChildProcess
  readonly #probe: string

  /** @param probe path of the socket that answers about the process */
  constructor(child: ChildProcess, probe: string, said: { apiUrl: string; peerId: string }) {
    this.#child = child
    this.#probe = probe
    this.apiUrl = said.apiUrl
    this.peerId = said.peerId
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** How it ended, for the table; null while it runs. */
  get end(): string | null {
    const { exitCode, signalCode } = this.#child
    return this.isRunning ? null : `ended with ${exitCode ?? signalCode}`
  }

  /** Reads and begins the next window. @returns null when the node does not answer in ten seconds */
  async read(): Promise<Reading | null> {
    if (!this.isRunning) return null
    const answer = await ask(this.#probe)
    if (answer === null) return null
    const pid = this.#child.pid ?? 0
    const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    // Five: the peak begins anew.
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
    return { ...answer, rssMaxMb: Number(peak) / 1024 }
  }

  /** Samples of its metrics by name with labels. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const text = await (
      await fetch(`${this.apiUrl}/metrics`, { signal: AbortSignal.timeout(10_000) })
    ).text()
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    return new Map(
      lines.map((line) => {
        const space = line.lastIndexOf(' ')
        return [line.slice(0, space), Number(line.slice(space + 1))]
      }),
    )
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 20_000)
    await ended
    clearTimeout(timer)
  }
}

/** @param prefix command that limits it. @throws with what it said when it is not ready in a minute */
export async function startNode(cwd: string, prefix: readonly string[]): Promise<NodeUnderTest> {
  const { PATH = '', BENCH_PROFILE = '' } = process.env
  const probe = join(cwd, 'probe.sock')
  const command = [...prefix, process.execPath, '--import', PROBE, PROGRAMS.bundle, 'start']
  const child = spawn(command[0] ?? '', command.slice(1), {
    cwd,
    env: { PATH, ...QUIET_ENV, ...ENV, BENCH_PROBE: probe, BENCH_PROFILE },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // Whatever ends the bench ends the node.
  process.once('exit', () => child.kill('SIGKILL'))
  try {
    return new NodeUnderTest(child, probe, await ready(child))
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}

async function ask(probe: string): Promise<Omit<Reading, 'rssMaxMb'> | null> {
  const socket = connect(probe)
  socket.setTimeout(10_000, () => socket.destroy())
  try {
    return JSON.parse(await text(socket))
  } catch {
    return null
  }
}

function ready(child: ChildProcess): Promise<{ apiUrl: string; peerId: string }> {
  let complaint = ''
  child.stderr?.on('data', (chunk) => {
    complaint = `${complaint}${chunk}`.slice(-4000)
  })
  child.once('exit', () => process.stderr.write(complaint))
  return new Promise((resolve, reject) => {
    const fail = (what: string) => reject(new Error(`${what}: ${complaint}`))
    const timer = setTimeout(() => fail('the node is not ready in time'), READY_LIMIT_MS)
    child.once('error', (error) => fail(error.message))
    child.once('exit', () => fail('the node ended'))
    if (child.stdout === null) return fail('the node has no output')
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { msg, level, api, peerId } = JSON.parse(line)
      if (level === 'error' || level === 'fatal') process.stderr.write(`node: ${line}\n`)
      if (msg !== 'Node ready') return
      clearTimeout(timer)
      resolve({ apiUrl: String(api), peerId: String(peerId) })
    })
  })
}
