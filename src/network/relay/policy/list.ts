import { readFile, stat } from 'node:fs/promises'

import { PEER_LIST_LIMIT_BYTES, parsePeerList } from '../../../config/index.ts'
import type { Clock } from '../../../lib/clock.ts'
import { Loop } from '../../../lib/loop.ts'
import type { Logger } from '../../../telemetry/index.ts'
import type { RelayRequest, RelayVerdict } from '../types.ts'
import { type AccessRule, ALLOWED, denied } from './types.ts'

/** A look at a file's time and size, so that one that an editor replaced is noticed as well. */
const LOOK_INTERVAL_MS = 2_000

export interface ListRuleOptions {
  readonly peers: readonly string[]
  readonly files: readonly string[]
}

export interface ListRuleComponents {
  readonly logger: Logger
  readonly clock: Clock
}

interface WatchedFile {
  readonly path: string
  /** Of the version that `peers` is from; empty before the first one. */
  version: string
  peers: ReadonlySet<string>
  /** Of the version that could not be taken; told once. */
  problem: string | null
}

/**
 * Peers that the operator names, in the setting and in files. A file that cannot be read, or has a line
 * that is no peer ID, changes nothing: half of a list is not what the operator wrote.
 */
export class ListRule implements AccessRule {
  readonly name = 'list'
  readonly hasGrace = false
  readonly #named: ReadonlySet<string>
  readonly #files: readonly WatchedFile[]
  readonly #logger: Logger
  readonly #loop: Loop

  constructor({ peers, files }: ListRuleOptions, { logger, clock }: ListRuleComponents) {
    this.#named = new Set(peers)
    this.#files = files.map((path) => ({ path, version: '', peers: new Set(), problem: null }))
    this.#logger = logger
    this.#loop = new Loop({
      name: 'relay-list',
      intervalMs: LOOK_INTERVAL_MS,
      isDelayed: true,
      run: () => this.#readChanged(),
      clock,
    })
  }

  async start(): Promise<void> {
    await this.#readChanged()
    if (this.#files.length > 0) this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  judge({ client: { peerId } }: RelayRequest): RelayVerdict {
    const isListed = this.#named.has(peerId) || this.#files.some(({ peers }) => peers.has(peerId))
    return isListed ? ALLOWED : denied('not_listed')
  }

  recall(request: RelayRequest): RelayVerdict {
    return this.judge(request)
  }

  async #readChanged(): Promise<void> {
    for (const file of this.#files) await this.#readIfChanged(file)
  }

  async #readIfChanged(file: WatchedFile): Promise<void> {
    const problem = await this.#read(file).catch(codeOf)
    if (problem !== null && problem !== file.problem) {
      const fields = { file: file.path, problem, kept: file.peers.size }
      this.#logger.error(fields, 'The list of relay clients cannot be read; the last one is kept')
    }
    file.problem = problem
  }

  /** @returns what is wrong with it, or null */
  async #read(file: WatchedFile): Promise<string | null> {
    const { mtimeMs, size, ino } = await stat(file.path)
    const version = `${mtimeMs} ${size} ${ino}`
    if (version === file.version) return file.problem
    if (size > PEER_LIST_LIMIT_BYTES) return `has more than ${PEER_LIST_LIMIT_BYTES} bytes`
    const parsed = parsePeerList(await readFile(file.path, 'utf8'))
    file.version = version
    if (!parsed.isOk) return parsed.problem
    file.peers = parsed.value
    this.#logger.info({ file: file.path, peers: parsed.value.size }, 'List of relay clients read')
    return null
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code)
  return String(error)
}
