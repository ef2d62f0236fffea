import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { heapFlags, resolveHeapMb } from '../../src/config/index.ts'
import { type Limit, limitTo, NODE_IP } from '../../test/support/one-host-net.ts'
import { BUNDLE, QUIET_ENV } from '../../test/support/process.ts'
import { cpuMs, IMAGE_ENV } from '../relay/child.ts'
import { memoryMb } from '../station-process.ts'
import type { NodeContact, Reading, Side } from './types.ts'

const READY_LIMIT_MS = 60_000
const MEGABYTE = 1_048_576
export const NETWORK_NAME = 'bench'

export interface NodeOptions {
  readonly side: Side
  /** Folder of its own. */
  readonly folder: string
  readonly memoryMb: number
  /** Further flags for its Node, such as `--cpu-prof`. */
  readonly nodeOptions: string
}

/** The node that is loaded, in a process of its own with so much memory and one processor. */
export class NodeUnderTest {
  readonly #options: NodeOptions
  #child: ChildProcess | null = null
  #limit: Limit | null = null
  #end: string | null = null
  #complaint = ''
  readonly #kill = () => this.#child?.kill('SIGKILL')

  constructor(options: NodeOptions) {
    this.#options = options
  }

  /** @throws with what it said when it does not get ready */
  async start(): Promise<NodeContact> {
    this.#limit = limitTo({ memoryMb: this.#options.memoryMb, cpus: 1 })
    const [command = '', ...args] = [...this.#limit.prefix, process.execPath, ...this.#program()]
    const child = spawn(command, args, {
      cwd: this.#options.folder,
      env: this.#env(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    process.on('exit', this.#kill)
    child.once('exit', (code, signal) => {
      this.#end = `${signal ?? code}`
    })
    child.stderr.on('data', (chunk) => {
      this.#complaint = `${this.#complaint}${chunk}`.slice(-2_000)
    })
    return this.#ready(child)
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** How its process ended, null while it runs. */
  get end(): string | null {
    return this.#end === null ? null : `ended (${this.#end}) ${this.#complaint}`
  }

  get cpuMs(): number {
    return cpuMs(this.pid)
  }

  get residentMb(): number {
    return memoryMb(this.pid).residentMb
  }

  get peakMb(): number {
    return memoryMb(this.pid).peakMb
  }

  /** What it measures of itself since the last reading. @param what `gc` collects all garbage first */
  async read(what: 'read' | 'gc' | `snapshot ${string}` = 'read'): Promise<Reading> {
    const socket = connect(this.#probe)
    try {
      await once(socket, 'connect')
      socket.write(`${what}\n`)
      for await (const line of createInterface({ input: socket })) return JSON.parse(line)
      throw new Error(`no reading: ${this.end ?? 'the probe is silent'}`)
    } finally {
      socket.destroy()
    }
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (child !== null && this.#end === null) {
      const ended = once(child, 'exit')
      const timer = setTimeout(this.#kill, 15_000)
      child.kill('SIGTERM')
      await ended
      clearTimeout(timer)
    }
    process.off('exit', this.#kill)
    await this.#limit?.remove()
  }

  get #probe(): string {
    return join(this.#options.folder, 'probe.sock')
  }

  #program(): string[] {
    if (this.#options.side === 'ours') return [BUNDLE, 'start']
    const heapMb = resolveHeapMb({ heapMb: null }, this.#options.memoryMb * MEGABYTE)
    const script = join(import.meta.dirname, 'plain-process.ts')
    return [...heapFlags(heapMb), script, NETWORK_NAME, NODE_IP]
  }

  #env(): NodeJS.ProcessEnv {
    const { PATH = '', HOME = '' } = process.env
    const probe = join(import.meta.dirname, 'probe.mjs')
    return {
      PATH,
      HOME,
      ...IMAGE_ENV,
      ...QUIET_ENV,
      NETWORK_NAME,
      LIBP2P_HOST: NODE_IP,
      LIBP2P_PORT: '4002',
      WS_PORT: '4003',
      ANNOUNCE_ADDRESS: NODE_IP,
      API_RATE_LIMIT: '1000',
      NODE_OPTIONS: `--import=${probe} ${this.#options.nodeOptions}`.trim(),
      PEERS_BENCH_PROBE: this.#probe,
    }
  }

  async #ready(child: ChildProcess): Promise<NodeContact> {
    const { promise, resolve, reject } = Promise.withResolvers<NodeContact>()
    const fail = (what: string) => reject(new Error(`${what}: ${this.#complaint}`))
    const timer = setTimeout(() => fail('the node is not ready in time'), READY_LIMIT_MS)
    child.once('exit', () => fail('the node ended'))
    if (child.stdout === null) throw new Error('the node has no output')
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line)
      if (said.msg !== 'Node ready') return
      const { address = `/ip4/${NODE_IP}/tcp/4002/p2p/${said.peerId}`, api = null } = said
      resolve({ address, apiUrl: api })
    })
    try {
      return await promise
    } finally {
      clearTimeout(timer)
    }
  }
}
