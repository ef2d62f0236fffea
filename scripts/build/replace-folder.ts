import { renameSync, rmSync } from 'node:fs'

/** Puts `draft` in the place of `target`; a program that runs from the old one keeps its open files. */
export function replaceFolder(draft: string, target: string): void {
  const old = `${draft}.old`
  try {
    renameSync(target, old)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  renameSync(draft, target)
  rmSync(old, { recursive: true, force: true })
}
