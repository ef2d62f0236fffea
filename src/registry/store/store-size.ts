import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { Clock } from '../../lib/clock.ts'
import { Loop } from '../../lib/loop.ts'

const INTERVAL_MS = 60_000

/** How much disk the stores take, looked up now and then: LevelDB rewrites its files as it likes. */
export class StoreSize {
  readonly #directory: string
  readonly #loop: Loop
  #bytes: number | null = null

  constructor(directory: string, clock: Clock) {
    this.#directory = directory
    this.#loop = new Loop({
      name: 'store-size',
      intervalMs: INTERVAL_MS,
      clock,
      run: async () => {
        this.#bytes = await folderBytes(this.#directory)
      },
      // A folder that cannot be listed has no known size; what that means for writes is told elsewhere.
      onError: () => {
        this.#bytes = null
      },
    })
  }

  /** Null before it was first looked up, and when it cannot be. */
  get bytes(): number | null {
    return this.#bytes
  }

  start(): void {
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
    this.#bytes = null
  }
}

/** Sizes of all files below, in bytes. @throws system errors of the folder itself. */
async function folderBytes(path: string): Promise<number> {
  const entries = await readdir(path, { withFileTypes: true })
  let bytes = 0
  for (const entry of entries) {
    const child = join(path, entry.name)
    // A file may go while they are listed.
    bytes += entry.isDirectory() ? await folderBytes(child) : await fileBytes(child)
  }
  return bytes
}

async function fileBytes(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch {
    return 0
  }
}
