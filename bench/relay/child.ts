import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { heapFlags } from '../../src/config/index.ts'
import { memoryMb } from '../station-process.ts'
import type { Side } from './types.ts'

const ANSWER_LIMIT_MS = 60_000
/** The kernel counts in hundredths of a second. */
const TICK_MS = 10
/** What the Dockerfile sets: with an arena for each thread glibc keeps tens of MB that are free. */
export const IMAGE_ENV = { MALLOC_ARENA_MAX: '2' }

/** A part of the bench in a process of its own, asked over IPC; killed when this process ends. */
export class Child {
  readonly #child: ChildProcess
  readonly #kill: () => void
  readonly #exited: Promise<void>

  /** @param script file name in this folder */
  constructor(
    script: string,
    args: readonly string[],
    nodeFlags: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ) {
    this.#child = fork(join(import.meta.dirname, script), [...args], {
      env: { ...process.env, ...env },
      // Not our own flags: with `node -e` each child would begin as we did.
      execArgv: [...nodeFlags],
    })
    this.#kill = () => this.#child.kill('SIGKILL')
    process.on('exit', this.#kill)
    this.#exited = new Promise((resolve) => this.#child.once('exit', () => resolve()))
  }

  get residentMb(): number {
    return memoryMb(this.pid).residentMb
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** @throws Error when the process ends first, or does not answer in a minute. */
  async ask<T>(request: object): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const onExit = (code: number | null) => reject(new Error(`a process ended with ${code}`))
    const timer = setTimeout(() => reject(new Error('no answer in time')), ANSWER_LIMIT_MS)
    const onMessage = (message: unknown) => {
      const { error, answer } = message as { error?: string; answer: T }
      if (error === undefined) resolve(answer)
      else reject(new Error(error))
    }
    this.#child.once('exit', onExit)
    this.#child.once('message', onMessage)
    this.#child.send(request)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#child.off('exit', onExit)
      this.#child.off('message', onMessage)
    }
  }

  async end(): Promise<void> {
    process.off('exit', this.#kill)
    this.#kill()
    await this.#exited
  }
}

/** Processor time that a process has used (Linux): what it costs, whatever else the machine does. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/** A hop with the heap cap and the allocator setting of the image, whichever side it is. */
export function startHop(side: Side, heapMb: number): Child {
  return new Child('hop-process.ts', [side], heapFlags(heapMb), IMAGE_ENV)
}

/** In the child: answers each request in turn, over IPC. */
export function answerWith<T>(work: (request: T) => Promise<unknown>): void {
  process.on('disconnect', () => process.exit(0))
  process.on('message', (request: T) => {
    work(request).then(
      (answer) => process.send?.({ answer }),
      (error: unknown) => process.send?.({ error: String(error) }),
    )
  })
}
