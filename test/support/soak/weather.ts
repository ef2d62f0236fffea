import { setTimeout as delay } from 'node:timers/promises'

import type { SeededRandom } from '../fuzz/random.ts'
import { Forwarder, GOOD_LINE, type LineQuality } from './forwarder.ts'
import { BOOTSTRAPS, type BootstrapPlace, NODE, PARTNER, PORT } from './places.ts'

/** A line far away that loses one piece in twenty. */
const BAD_LINE: LineQuality = { delayMs: 40, loss: 0.05, againMs: 250 }
const BAD_SHARE = 0.2
/** Something happens to one connection about this often. */
const MISHAP_EVERY_MS = 4000
const STALL_MS = { least: 500, most: 5000 }
const BOOTSTRAP_IPS = BOOTSTRAPS.flatMap(({ ip, frontIp }) => [ip, frontIp])

/** A time in which a record may be late, with what came back after it. */
export interface Disturbance {
  readonly what: string
  readonly fromMs: number
  toMs: number
}

type Kind = 'bootstraps' | 'half of the peers' | 'the node'

const KINDS: readonly Kind[] = ['half of the peers', 'bootstraps', 'the node']

/** What lies between everybody and the two bootstraps. */
export class Weather {
  readonly counts = { partitions: 0, stalls: 0, resets: 0 }
  readonly disturbances: Disturbance[] = []
  readonly #random: SeededRandom
  readonly #fronts: Readonly<Record<BootstrapPlace['name'], Forwarder>>

  constructor(random: SeededRandom) {
    this.#random = random
    const salt = random.int(0, 1000)
    const options = { port: PORT, random: random.fork() }
    const qualityOf = (ip: string) => (isChosen(ip, salt, BAD_SHARE) ? BAD_LINE : GOOD_LINE)
    const front = ({ ip, frontIp }: BootstrapPlace, other: BootstrapPlace) =>
      new Forwarder({
        ...options,
        listenIp: frontIp,
        targetIp: ip,
        // A bootstrap binds no address, so the kernel takes the one that it connects to.
        sourceOf: (remoteIp) => (BOOTSTRAP_IPS.includes(remoteIp) ? other.ip : null),
        qualityOf: (remoteIp) =>
          BOOTSTRAP_IPS.includes(remoteIp) ? GOOD_LINE : qualityOf(remoteIp),
      })
    this.#fronts = { node: front(NODE, PARTNER), partner: front(PARTNER, NODE) }
  }

  async start(): Promise<void> {
    await Promise.all(Object.values(this.#fronts).map((front) => front.start()))
  }

  async stop(): Promise<void> {
    await Promise.all(Object.values(this.#fronts).map((front) => front.stop()))
  }

  /** Notes that something is not as usual until the function that it returns is called. */
  disturb(what: string, recoveryMs: number): () => void {
    const disturbance = { what, fromMs: Date.now(), toMs: Number.POSITIVE_INFINITY }
    this.disturbances.push(disturbance)
    return () => {
      disturbance.toMs = Date.now() + recoveryMs
    }
  }

  /** Whether something happened between two times. */
  isDisturbed(fromMs: number, toMs: number): boolean {
    return this.disturbances.some((one) => one.fromMs <= toMs && one.toMs >= fromMs)
  }

  /** One connection at a time stalls, or is reset. */
  async mishaps(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(MISHAP_EVERY_MS * 2 * this.#random.next(), signal)
      const link = this.#random.pick(Object.values(this.#fronts)).pick(this.#random)
      if (link === null || link.isFrozen || signal.aborted) continue
      if (this.#random.chance(0.25)) {
        this.counts.resets += 1
        link.reset()
      } else {
        this.counts.stalls += 1
        link.freeze('stall')
        const stallMs = this.#random.int(STALL_MS.least, STALL_MS.most)
        setTimeout(() => link.thaw('stall'), stallMs).unref()
      }
    }
  }

  /** Cuts the network in two for a while. */
  async partition(seconds: number, recoveryMs: number, signal: AbortSignal): Promise<string> {
    const kind = KINDS[this.counts.partitions % KINDS.length] ?? 'bootstraps'
    this.counts.partitions += 1
    const end = this.disturb(`partition: ${kind}`, recoveryMs)
    const salt = this.#random.int(0, 1000)
    const { node, partner } = this.#fronts
    if (kind === 'the node') node.partition(() => true)
    else {
      const isCutOff = (ip: string) =>
        BOOTSTRAP_IPS.includes(ip) === (kind === 'bootstraps') &&
        (kind === 'bootstraps' || isChosen(ip, salt, 0.5))
      node.partition(isCutOff)
      partner.partition(isCutOff)
    }
    await sleep(seconds * 1000, signal)
    node.heal()
    partner.heal()
    end()
    return kind
  }
}

/** The same share of addresses for the same salt. */
function isChosen(ip: string, salt: number, share: number): boolean {
  let hash = salt
  for (const letter of ip) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0
  return (Math.imul(hash, 0x9e3779b1) >>> 0) / 2 ** 32 < share
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {})
}
