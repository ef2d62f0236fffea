/** Acting inside of one host of the NAT lab: requests to what listens there, and dials from there. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { LabHost, NatLab } from './nat-lab.ts'

const AGENT = fileURLToPath(new URL('nat-lab-agent.ts', import.meta.url))
const DIAL_TIMEOUT_MS = 5000
const TASK_TIMEOUT_MS = 20_000

type CleanUp = { after(job: () => unknown): void }

export type AgentTask = { readonly id: number } & AgentWork

type AgentWork =
  | {
      readonly kind: 'call'
      readonly url: string
      readonly path: string
      readonly method: string
      readonly body?: unknown
    }
  | { readonly kind: 'dial'; readonly address: string; readonly timeoutMs: number }

export type AgentAnswer =
  | { readonly id: number; readonly ok: unknown }
  | { readonly id: number; readonly failed: string }

/** What a plain libp2p client found at an address. */
export interface DialResult {
  readonly peerId: string
  readonly remoteAddress: string
}

interface ApiAnswer {
  readonly status: number
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test reads any answer and asserts on what it finds
  readonly json: any
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** A way to act inside of one host, by one process that lives there. */
export class HostAgent {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #complaint = ''

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child
    createInterface({ input: child.stdout }).on('line', (line) => this.#take(JSON.parse(line)))
    child.stderr.on('data', (chunk) => {
      this.#complaint = `${this.#complaint}${chunk}`.slice(-4000)
    })
    child.on('close', () => this.#failAll('the agent in the NAT lab has ended'))
  }

  async call(url: string, path: string, put?: unknown): Promise<ApiAnswer> {
    const method = put === undefined ? 'GET' : 'PUT'
    return (await this.#do({ kind: 'call', url, path, method, body: put })) as ApiAnswer
  }

  /** Dials with a fresh libp2p client and pings. @throws what the dial failed with */
  async dial(address: string, timeoutMs = DIAL_TIMEOUT_MS): Promise<DialResult> {
    return (await this.#do({ kind: 'dial', address, timeoutMs })) as DialResult
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  #do(work: AgentWork): Promise<unknown> {
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      const fail = () => reject(new Error(`${work.kind}: no answer within ${TASK_TIMEOUT_MS} ms`))
      const timer = setTimeout(fail, TASK_TIMEOUT_MS)
      const settled = () => {
        clearTimeout(timer)
        this.#waiting.delete(id)
      }
      this.#waiting.set(id, {
        resolve: (value) => {
          settled()
          resolve(value)
        },
        reject: (error) => {
          settled()
          reject(error)
        },
      })
      this.#child.stdin.write(`${JSON.stringify({ id, ...work })}\n`)
    })
  }

  #take(answer: AgentAnswer): void {
    const waiting = this.#waiting.get(answer.id)
    if ('failed' in answer) waiting?.reject(new Error(answer.failed))
    else waiting?.resolve(answer.ok)
  }

  #failAll(message: string): void {
    for (const { reject } of this.#waiting.values()) {
      reject(new Error(`${message}: ${this.#complaint}`))
    }
  }
}

/** Starts the agent of a host; it ends after the test. */
export async function startAgent(t: CleanUp, lab: NatLab, host: LabHost): Promise<HostAgent> {
  const [command = '', ...args] = [...lab.prefix(host), process.execPath, AGENT]
  const child = spawn(command, args, { stdio: 'pipe' })
  const agent = new HostAgent(child)
  t.after(() => agent.stop())
  await once(child.stdout, 'data')
  return agent
}
