import { mkdir } from 'node:fs/promises'

import type { SeededRandom } from '../fuzz/random.ts'
import { makeStation, type Station } from '../node.ts'
import { LabHost } from './as-host.ts'
import { BOOTSTRAPS, frontAddress, NETWORK_NAME, PORT } from './places.ts'
import type { Reader, Written } from './write-watch.ts'

/** Records of one station at a time. */
const RECORDS = 25
const DELETE_SHARE = 0.1
/** After so long a station has met others, and what it writes is theirs at once. */
const SETTLED_MS = 15_000

/** A whole station with a folder that it keeps over its lives, and what it wrote. */
export class SoakStation {
  readonly #ip: string
  readonly #folder: string
  readonly #random: SeededRandom
  /** What its records say now; null where it deleted one. */
  readonly #records = new Map<string, string | null>()
  #station: Station | null = null
  #host: LabHost | null = null
  #startedAtMs = 0
  #serial = 0

  constructor(ip: string, folder: string, random: SeededRandom) {
    this.#ip = ip
    this.#folder = folder
    this.#random = random
  }

  get isUp(): boolean {
    return this.#station !== null
  }

  async start(): Promise<void> {
    if (this.#station !== null) return
    await mkdir(this.#folder, { recursive: true })
    const host = new LabHost(this.#ip)
    const station = await host.run(async () => {
      const made = await makeStation({ after: () => {} }, this.#options())
      await made.node.start()
      return made
    })
    this.#host = host
    this.#station = station
    this.#startedAtMs = Date.now()
  }

  /** @param isCut its connections are cut first, as in a power cut */
  async stop(isCut: boolean): Promise<void> {
    const station = this.#station
    this.#station = null
    if (isCut) this.#host?.powerCut()
    await station?.node.stop()
  }

  /** Where its view is read, once it has met others; else nowhere. */
  reader(): Reader[] {
    return Date.now() - this.#startedAtMs < SETTLED_MS ? [] : this.anyReader()
  }

  anyReader(): Reader[] {
    if (this.#station === null) return []
    const { node, peerId } = this.#station
    const address = node.api.address()
    if (address === null) return []
    return [{ name: this.#ip, apiUrl: `http://${address.host}:${address.port}`, peerId }]
  }

  /** Writes, changes or deletes a record. @returns null when it was stopped meanwhile */
  async write(): Promise<Written | null> {
    const station = this.#station
    if (station === null) return null
    const id = `soak-${this.#ip}-${this.#random.int(1, RECORDS)}`
    const isDelete = this.#random.chance(DELETE_SHARE) && (this.#records.get(id) ?? null) !== null
    this.#serial += 1
    const text = isDelete ? null : `${this.#serial}`
    const atMs = Date.now()
    const startedMs = performance.now()
    try {
      const { writer } = station.node.registry
      if (text === null) await writer.delete('nodes', id)
      else await writer.put('nodes', id, { node_name: text })
    } catch (error) {
      if (this.#station !== station) return null
      throw error
    }
    this.#records.set(id, text)
    return { id, text, atMs, startedMs, localMs: performance.now() - startedMs }
  }

  expected(): (readonly [string, string | null])[] {
    return [...this.#records]
  }

  #options() {
    return {
      dataDir: this.#folder,
      memoryLimitBytes: 256 * 1024 * 1024,
      env: {
        NETWORK_NAME,
        LIBP2P_HOST: this.#ip,
        LIBP2P_PORT: String(PORT),
        ORBITDB_BOOTSTRAP_PEERS: BOOTSTRAPS.map(frontAddress).join(','),
        TARGET_PEERS: '4',
        API_RATE_LIMIT: '100000',
      },
    }
  }
}
