import { readFile, rename, stat } from 'node:fs/promises'

import { writeAtomically } from '../../lib/atomic-file.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { PeerPoints, SavedPeers } from '../penalties.ts'
import { OPERATOR_BANS_LIMIT, type SavedOperatorBan } from './operator-bans.ts'
import type { SavedShunning } from './shunned.ts'
import type { SavedTerm } from './term.ts'

const VERSION = 1
/** 4 096 peers and as many hosts of 250 bytes, 1 000 bans of 500. */
const LIMIT_BYTES = 4 * 1_048_576
const LIMIT_SHUNNED = 4096
/** Points fade within the hour: the newest are enough. */
const LIMIT_POINTS = 512
const LIMIT_REASONS = 4
const LIMIT_TEXT = 256

export interface SavedBans {
  /** By the wall clock. */
  readonly savedAtMs: number
  readonly peers: SavedPeers
  readonly hosts: readonly SavedShunning[]
  readonly operator: readonly SavedOperatorBan[]
}

/** The bans on disk: read once, replaced as a whole. */
export class BansFile {
  readonly #path: string
  readonly #logger: Pick<Logger, 'warn'>
  #isFailing = false
  #writing: Promise<unknown> = Promise.resolve()

  constructor(path: string, logger: Pick<Logger, 'warn'>) {
    this.#path = path
    this.#logger = logger
  }

  /** @returns null when there is none; a damaged one is set aside with one warning. Never throws. */
  async read(): Promise<SavedBans | null> {
    try {
      const { size } = await stat(this.#path)
      if (size > LIMIT_BYTES) throw new Error('the file is too large')
      return parse(JSON.parse(await readFile(this.#path, 'utf8')))
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
      await this.#setAside(error)
      return null
    }
  }

  /** One write after another. @returns whether it is on disk. Never throws. */
  write(content: () => SavedBans): Promise<boolean> {
    const written = this.#writing.then(() => this.#write(content()))
    this.#writing = written
    return written
  }

  async #write({ savedAtMs, peers, hosts, operator }: SavedBans): Promise<boolean> {
    const points = peers.points.slice(-LIMIT_POINTS)
    const content = { version: VERSION, savedAtMs, operator, hosts, peers: { ...peers, points } }
    try {
      await writeAtomically(this.#path, `${JSON.stringify(content)}\n`)
      this.#isFailing = false
      return true
    } catch (error) {
      if (!this.#isFailing) this.#logger.warn({ path: this.#path, error }, 'bans not written')
      this.#isFailing = true
      return false
    }
  }

  async #setAside(error: unknown): Promise<void> {
    const aside = `${this.#path}.corrupt`
    const isKept = await rename(this.#path, aside).then(
      () => true,
      () => false,
    )
    const facts = { path: this.#path, kept: isKept ? aside : null, error }
    this.#logger.warn(facts, 'the file of bans is damaged, starting without any')
  }
}

/** @throws on anything that this code did not write. */
function parse(value: unknown): SavedBans {
  const { version, savedAtMs, operator, hosts, peers } = objectOf(value)
  if (version !== VERSION) throw new Error('not a file of bans of this version')
  const { points, shunned } = objectOf(peers)
  return {
    savedAtMs: numberOf(savedAtMs),
    operator: listOf(operator, OPERATOR_BANS_LIMIT).map(operatorBanOf),
    hosts: listOf(hosts, LIMIT_SHUNNED).map(shunningOf),
    peers: {
      points: listOf(points, LIMIT_POINTS).map(pointsOf),
      shunned: listOf(shunned, LIMIT_SHUNNED).map(shunningOf),
    },
  }
}

function operatorBanOf(value: unknown): SavedOperatorBan {
  const { target, why, term } = objectOf(value)
  return { target: textOf(target), why: why === null ? null : textOf(why), term: termOf(term) }
}

function shunningOf(value: unknown): SavedShunning {
  const { key, term, reasons, strikes } = objectOf(value)
  const one = { key: textOf(key), term: termOf(term), reasons: reasonsOf(reasons) }
  return { ...one, strikes: Math.min(1000, Math.max(1, Math.floor(numberOf(strikes)))) }
}

function pointsOf(value: unknown): PeerPoints {
  const { peerId, points, offences } = objectOf(value)
  return { peerId: textOf(peerId), points: numberOf(points), offences: reasonsOf(offences) }
}

function termOf(value: unknown): SavedTerm {
  const { sinceMs, untilMs, leftMs } = objectOf(value)
  const isForEver = untilMs === null && leftMs === null
  const times = { untilMs: isForEver ? null : numberOf(untilMs) }
  return { sinceMs: numberOf(sinceMs), ...times, leftMs: isForEver ? null : numberOf(leftMs) }
}

function reasonsOf(value: unknown): string[] {
  return listOf(value, LIMIT_REASONS).map(textOf)
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('malformed element')
  }
  return value as Record<string, unknown>
}

function listOf(value: unknown, limit: number): unknown[] {
  if (!Array.isArray(value)) throw new Error('malformed list')
  return value.slice(-limit)
}

function textOf(value: unknown): string {
  if (typeof value !== 'string' || value.length > LIMIT_TEXT) throw new Error('malformed text')
  return value
}

function numberOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new Error('malformed number')
  return value
}
