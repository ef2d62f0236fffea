import { type ChildProcess as NodeChildProcess, spawn } from 'node:child_process'
import { basename, join } from 'node:path'
import { execPath } from 'node:process'
import type { Duplex } from 'node:stream'

import { ALLOCATOR_ENV } from '../../config/index.ts'
import { withDeadline } from '../../lib/deadline.ts'
import { NetworkError } from '../errors.ts'
import { bindProblem } from './bind-problem.ts'
import type { ChildOptions, FromChild, ToChild } from './messages.ts'
import { parseFromChild } from './parse-from-child.ts'
import { type Opening, type PipeConnection, PipeConnections } from './pipe/connections.ts'

/** `dist/webrtc.js`, beside `dist/main.js` and `dist/chunks/`; or this project's own source. */
const ENTRY = import.meta.filename.endsWith('.ts')
  ? join(import.meta.dirname, 'child', 'main.ts')
  : join(import.meta.dirname, basename(import.meta.dirname) === 'chunks' ? '..' : '.', 'webrtc.js')
/** A diagnostic report holds the environment; SIGUSR1 would open a debugger's port. */
const FLAGS = [
  '--max-old-space-size=64',
  '--max-semi-space-size=1',
  '--report-exclude-env',
  '--disable-sigusr1',
]
/** Of what is said both ways, all of it: Node's own channel would throw to the node what is no JSON. */
const PIPE_FD = 3
const BEAT_MS = 1_000
/** Beats without an answer that make a child dead. */
const MOST_MISSED = 10
/** Until it has loaded what it needs, from a slow disk. */
const MOST_MISSED_AT_START = 30
/** It tells its peers; after it comes SIGKILL. */
const STOP_LIMIT_MS = 700
/** A killed process is gone by then, unless the kernel is in trouble. */
const KILLED_LIMIT_MS = 1_000
/** Of what it said last. */
const SAID_CHARS = 500

/** Why a child ended, or was ended. */
export type EndReason = 'crash' | 'silent' | 'memory' | 'listen'

export interface ChildEnd {
  readonly reason: EndReason
  /** Its exit code or signal. */
  readonly status: number | string
  /** The last that it wrote to stderr. */
  readonly said: string
}

export interface ChildEvents {
  onOpen(connection: PipeConnection, opening: Opening): void
  /** @returns null: not signed */
  sign(bytes: Uint8Array): Promise<Uint8Array | null>
  onAlive(report: Extract<FromChild, { readonly kind: 'alive' }>): void
  onCut(reason: string): void
}

/**
 * One run of the process that speaks WebRTC. It is ended when it says nothing for ten seconds, or takes more memory
 * than it may: nothing that it does or fails to do is waited for longer.
 */
export class ChildProcess {
  /** Resolves when it is gone. */
  readonly ended: Promise<ChildEnd>
  readonly #child: NodeChildProcess
  readonly #pipe: PipeConnections | null = null
  readonly #events: ChildEvents
  readonly #maxRssBytes: number
  readonly #listening = new Map<string, PromiseWithResolvers<number>>()
  #beats: NodeJS.Timeout | null = null
  #isListening = false
  #missed = 0
  #mostMissed = MOST_MISSED_AT_START
  #reason: EndReason = 'crash'
  #said = ''

  /**
   * Starts it.
   * @param maxRssBytes of all its memory
   * @param argv Node's, another one in tests
   */
  constructor(
    options: ChildOptions,
    maxRssBytes: number,
    events: ChildEvents,
    argv: readonly string[] = [...FLAGS, ENTRY],
  ) {
    this.#events = events
    this.#maxRssBytes = maxRssBytes
    const child = spawn(execPath, argv, {
      // Nothing of the node's environment, in which secrets are.
      env: { ...ALLOCATOR_ENV },
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.ended = this.#whenEnded()
    child.stdin?.on('error', () => {})
    child.stderr?.on('error', () => {})
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString()).slice(-SAID_CHARS)
    })
    // Of one that could not be started there is none.
    const pipe = child.stdio?.[PIPE_FD] as Duplex | undefined
    if (pipe !== undefined) {
      this.#pipe = new PipeConnections(pipe, {
        onOpen: (connection, opening) => events.onOpen(connection, opening),
        onWord: (word) => this.#take(parseFromChild(word)),
      })
      // Be it for what no child of ours says.
      pipe.on('close', () => this.kill('crash'))
    }
    this.#tell({ kind: 'begin', options })
    this.#beats = setInterval(() => this.#beat(), BEAT_MS)
  }

  /** @returns the port that it is bound to. @throws NetworkError LISTEN_FAILED */
  async listen(address: string): Promise<number> {
    const listening = Promise.withResolvers<number>()
    this.#listening.set(address, listening)
    this.#tell({ kind: 'listen', address })
    return await listening.promise
  }

  /** At once. @param reason of which its end will tell */
  kill(reason: EndReason): void {
    if (this.#reason === 'crash') this.#reason = reason
    this.#child.kill('SIGKILL')
  }

  /** Lets it tell its peers, for a moment. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#tell({ kind: 'stop' })
    const isGone = (ms: number) =>
      withDeadline(() => this.ended, { ms, label: 'the end of WebRTC' }).then(
        () => true,
        () => false,
      )
    if (await isGone(STOP_LIMIT_MS)) return
    this.#child.kill('SIGKILL')
    await isGone(KILLED_LIMIT_MS)
  }

  #tell(message: ToChild): void {
    this.#pipe?.tell(message)
  }

  #beat(): void {
    // Beats, not time: a node that was asleep has not asked.
    if (this.#missed >= this.#mostMissed) {
      this.kill('silent')
      return
    }
    this.#missed += 1
    this.#tell({ kind: 'beat' })
  }

  /** @param message null: what no child of ours says */
  #take(message: FromChild | null): void {
    switch (message?.kind) {
      case undefined:
        this.kill('crash')
        break
      case 'listening':
        this.#isListening = true
        this.#listening.get(message.address)?.resolve(message.port)
        break
      case 'deaf':
        void this.#refuse(message.address, message.problem)
        break
      case 'sign':
        void this.#sign(message.id, Buffer.from(message.bytes, 'base64'))
        break
      case 'cut':
        this.#events.onCut(message.reason)
        break
      case 'alive':
        this.#missed = 0
        this.#mostMissed = MOST_MISSED
        this.#events.onAlive(message)
        // While it starts, `listen` would be told no better reason.
        if (this.#isListening && message.rssBytes > this.#maxRssBytes) this.kill('memory')
    }
  }

  async #refuse(address: string, problem: string): Promise<void> {
    const listening = this.#listening.get(address)
    // No address of ours, so nobody waits.
    if (listening === undefined) return
    const cause = await bindProblem(address)
    const text = cause === null ? problem : `${problem} (${cause.message})`
    listening.reject(new NetworkError('LISTEN_FAILED', text, { address }, cause ?? undefined))
  }

  async #sign(id: number, bytes: Uint8Array): Promise<void> {
    const signature = await this.#events.sign(bytes)
    const text = signature === null ? null : Buffer.from(signature).toString('base64')
    this.#tell({ kind: 'signed', id, signature: text })
  }

  async #whenEnded(): Promise<ChildEnd> {
    const { promise, resolve } = Promise.withResolvers<number | string>()
    // Not 'close': whoever inherited a pipe of it could hold that up.
    this.#child.on('exit', (code, signal) => resolve(signal ?? code ?? ''))
    this.#child.on('error', (error) => {
      this.#said = error.message
      if (this.#child.pid === undefined) resolve('not started')
    })
    const status = await promise
    if (this.#beats !== null) clearInterval(this.#beats)
    const end = { reason: this.#reason, status, said: this.#said }
    const text = `the process that speaks WebRTC ended (${status}): ${this.#said}`
    const gone = new NetworkError('LISTEN_FAILED', text)
    for (const { promise, reject } of this.#listening.values()) {
      promise.catch(() => {})
      reject(gone)
    }
    return end
  }
}
