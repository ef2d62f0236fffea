import type { Clock } from '../../lib/clock.ts'
import { Loop } from '../../lib/loop.ts'
import { folderBytes } from './folder-bytes.ts'

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
