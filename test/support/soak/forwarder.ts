import { createServer, connect as openSocket, type Server, type Socket } from 'node:net'
import { Transform, type TransformCallback } from 'node:stream'

import type { SeededRandom } from '../fuzz/random.ts'

/** Bytes that one direction of one connection holds while nothing passes. */
const HELD_BYTES = 64 * 1024
const CONNECT_LIMIT_MS = 10_000

/** What a line does to the bytes on it. */
export interface LineQuality {
  /** Each piece arrives so much later, ms. */
  readonly delayMs: number
  /** Share of the pieces that are lost once and come again, which takes `againMs`. */
  readonly loss: number
  readonly againMs: number
}

export const GOOD_LINE: LineQuality = { delayMs: 0, loss: 0, againMs: 0 }

export interface ForwarderOptions {
  readonly listenIp: string
  readonly targetIp: string
  readonly port: number
  /** Whom a connection from this address comes from in truth; null for a client's own address. */
  readonly sourceOf: (remoteIp: string) => string | null
  readonly qualityOf: (remoteIp: string) => LineQuality
  readonly random: SeededRandom
}

/** Carries connections to one host, from the addresses they come from, and can stop to. */
export class Forwarder {
  readonly #options: ForwarderOptions
  readonly #links = new Set<Link>()
  readonly #server: Server
  #cutOff: (remoteIp: string) => boolean = () => false

  constructor(options: ForwarderOptions) {
    this.#options = options
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client))
  }

  async start(): Promise<void> {
    const { listenIp, port } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, listenIp, 511, () => resolve())
    })
  }

  async stop(): Promise<void> {
    this.heal()
    for (const link of this.#links) link.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  get size(): number {
    return this.#links.size
  }

  /** Nothing passes from or to these addresses any more, new connections included. */
  partition(isCutOff: (remoteIp: string) => boolean): void {
    this.#cutOff = isCutOff
    for (const link of this.#links) if (isCutOff(link.remoteIp)) link.freeze('partition')
  }

  heal(): void {
    this.#cutOff = () => false
    for (const link of this.#links) link.thaw('partition')
  }

  /** One connection by chance; null when there is none. */
  pick(random: SeededRandom): Link | null {
    return this.#links.size === 0 ? null : random.pick([...this.#links])
  }

  #accept(client: Socket): void {
    const remoteIp = client.remoteAddress ?? ''
    const link = new Link(remoteIp, client, this.#options)
    this.#links.add(link)
    link.onEnd = () => this.#links.delete(link)
    if (this.#cutOff(remoteIp)) link.freeze('partition')
    void link.start()
  }
}

type Cause = 'partition' | 'stall'

/** One connection through the forwarder. */
export class Link {
  readonly remoteIp: string
  readonly #client: Socket
  readonly #options: ForwarderOptions
  readonly #gate = new Gate()
  readonly #causes = new Set<Cause>()
  #server: Socket | null = null
  #isOver = false
  onEnd: () => void = () => {}

  constructor(remoteIp: string, client: Socket, options: ForwarderOptions) {
    this.remoteIp = remoteIp
    this.#client = client
    this.#options = options
    client.on('error', () => {})
    client.once('close', () => this.#ended())
  }

  async start(): Promise<void> {
    await this.#gate.open
    if (this.#isOver) return
    const { targetIp, port, sourceOf, qualityOf, random } = this.#options
    const localAddress = sourceOf(this.remoteIp) ?? this.remoteIp
    const options = { host: targetIp, port, localAddress, allowHalfOpen: true }
    const server = openSocket({ ...options, timeout: CONNECT_LIMIT_MS })
    this.#server = server
    server.once('connect', () => server.setTimeout(0))
    server.once('timeout', () => server.destroy())
    server.on('error', () => {})
    server.once('close', () => this.#ended())
    for (const socket of [this.#client, server]) socket.setNoDelay(true)
    const quality = qualityOf(this.remoteIp)
    this.#client.pipe(new Line(quality, this.#gate, random.fork())).pipe(server)
    server.pipe(new Line(quality, this.#gate, random.fork())).pipe(this.#client)
  }

  freeze(why: Cause): void {
    this.#causes.add(why)
    this.#gate.close()
  }

  /** Passes on when nothing else holds it. */
  thaw(why: Cause): void {
    this.#causes.delete(why)
    if (this.#causes.size === 0) this.#gate.reopen()
  }

  get isFrozen(): boolean {
    return this.#gate.isClosed
  }

  /** Both ends see a reset. */
  reset(): void {
    this.#client.resetAndDestroy()
    this.#server?.resetAndDestroy()
  }

  destroy(): void {
    this.#client.destroy()
    this.#server?.destroy()
  }

  /** The end of one side is seen by the other when the line carries it. */
  #ended(): void {
    if (this.#isOver) return
    this.#isOver = true
    void this.#gate.open.then(() => {
      this.destroy()
      this.onEnd()
    })
  }
}

/** Open, or closed for a while. */
class Gate {
  #open: Promise<void> = Promise.resolve()
  #reopen: (() => void) | null = null

  get open(): Promise<void> {
    return this.#open
  }

  get isClosed(): boolean {
    return this.#reopen !== null
  }

  close(): void {
    if (this.#reopen !== null) return
    this.#open = new Promise((resolve) => {
      this.#reopen = resolve
    })
  }

  reopen(): void {
    this.#reopen?.()
    this.#reopen = null
  }
}

/** One direction: late pieces stay in order, and no more than `HELD_BYTES` wait. */
class Line extends Transform {
  readonly #quality: LineQuality
  readonly #gate: Gate
  readonly #random: SeededRandom

  constructor(quality: LineQuality, gate: Gate, random: SeededRandom) {
    super({ highWaterMark: HELD_BYTES })
    this.#quality = quality
    this.#gate = gate
    this.#random = random
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    const { delayMs, loss, againMs } = this.#quality
    const lateMs = delayMs + (loss > 0 && this.#random.chance(loss) ? againMs : 0)
    if (lateMs === 0 && !this.#gate.isClosed) done(null, chunk)
    else void this.#pass(lateMs, () => done(null, chunk))
  }

  override _flush(done: TransformCallback): void {
    void this.#gate.open.then(() => done())
  }

  async #pass(lateMs: number, done: () => void): Promise<void> {
    if (lateMs > 0) await new Promise((resolve) => setTimeout(resolve, lateMs))
    await this.#gate.open
    done()
  }
}
