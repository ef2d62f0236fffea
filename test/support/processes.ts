import { readdirSync, readFileSync } from 'node:fs'

/** The children of a process that run a script whose path ends so (Linux). */
export function childrenOf(pid: number, script: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((child) => {
      const parent = /^PPid:\s*(\d+)$/m.exec(read(`/proc/${child}/status`))?.[1]
      const words = read(`/proc/${child}/cmdline`).split('\0')
      return Number(parent) === pid && words.some((word) => word.endsWith(script))
    })
}

/** Whether there is one that still runs: no zombie that waits for its parent. */
export function isRunning(pid: number): boolean {
  const state = /^State:\s*(\w)/m.exec(read(`/proc/${pid}/status`))?.[1]
  return state !== undefined && state !== 'Z'
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It ended since it was listed.
    return ''
  }
}
