import type { Clock } from '../../../src/lib/clock.ts'
import type {
  DialPort,
  DialTarget,
  OpenPeer,
  Reached,
} from '../../../src/network/dialer/dial-port.ts'
import { createNetworkOf } from '../../../src/network/dialer/peer-network.ts'
import type { NameResolver } from '../../../src/network/discovery/name-resolver.ts'
import type { Logger } from '../../../src/telemetry/index.ts'

/** Peer IDs of keys that nobody has. */
export const PEERS = [
  '12D3KooWGRUfrq5pSDMvVHMBvMmUFYpXbmGCRJhRR3k9mfQXrC1B',
  '12D3KooWBS2uNPn1DXfYNdEhFbDNHjKnJmGz7AkJDDqTLZ8DgA7V',
  '12D3KooWCvXfDKCoZiWNdmYVwtn3YjEzjbRF6wFVHZWBqHDbrYS5',
] as const

/** Time that stands still until a test moves it. */
export class ManualClock implements Clock {
  #nowMs: number
  readonly #sleepers = new Set<{ atMs: number; readonly wake: () => void }>()

  constructor(nowMs = 1_700_000_000_000) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const sleeper = { atMs: this.#nowMs + ms, wake: resolve }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper)
        reject(signal.reason)
      })
    })
  }

  /** How many wait for a later moment. */
  get sleeping(): number {
    return this.#sleepers.size
  }

  /** Sets the time of day back; who sleeps does so for as long as before. */
  setBack(ms: number): void {
    this.#nowMs -= ms
    for (const sleeper of this.#sleepers) sleeper.atMs -= ms
  }

  /** Moves time and lets everything that woke up run. */
  async advance(ms: number): Promise<void> {
    this.#nowMs += ms
    for (const sleeper of this.#sleepers) {
      if (sleeper.atMs > this.#nowMs) continue
      this.#sleepers.delete(sleeper)
      sleeper.wake()
    }
    await settle()
  }
}

/** Lets promises that are ready run on. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}

type DialAnswer = (target: DialTarget, signal: AbortSignal) => Promise<Reached>

/** A host without sockets: what a dial gives is the test's choice. */
export class FakePort implements DialPort {
  readonly peerId: string
  readonly dials: DialTarget[] = []
  readonly hungUp: string[] = []
  readonly networkOf = createNetworkOf()
  own: string[] = []
  answer: DialAnswer = () => Promise.reject(unreachable())
  isAllowedAnswer: (address: string) => boolean = () => true
  #peers: OpenPeer[] = []
  #listeners = new Set<(peerId: string, isConnected: boolean) => void>()
  #connected = 0
  running = 0
  mostRunning = 0

  constructor(peerId: string = PEERS[0]) {
    this.peerId = peerId
  }

  async dial(target: DialTarget, signal: AbortSignal): Promise<Reached> {
    this.dials.push(target)
    this.running++
    this.mostRunning = Math.max(this.mostRunning, this.running)
    try {
      return await this.answer(target, signal)
    } finally {
      this.running--
    }
  }

  peers(): readonly OpenPeer[] {
    return this.#peers
  }

  async hangUp(peerId: string): Promise<void> {
    this.hungUp.push(peerId)
    this.disconnect(peerId)
  }

  isInbound(peerId: string): boolean {
    return this.#peers.some((peer) => peer.peerId === peerId && peer.direction === 'inbound')
  }

  isBusy(): boolean {
    return false
  }

  ownAddresses(): readonly string[] {
    return this.own
  }

  isOwn(address: string): boolean {
    return this.own.some((own) => address === own || address.startsWith(`${own}/p2p/`))
  }

  isAllowed(address: string): boolean {
    return this.isAllowedAnswer(address)
  }

  onPeer(listener: (peerId: string, isConnected: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Unless told otherwise, each in a public subnet of its own. */
  connect(peerId: string, options: Partial<OpenPeer> = {}): void {
    const nth = this.#connected++
    this.#peers.push({
      peerId,
      address: `/ip4/9.${nth >> 8}.${nth & 255}.1/tcp/4002`,
      direction: 'outbound',
      connectedAtMs: 0,
      isStation: true,
      ...options,
    })
    for (const listener of this.#listeners) listener(peerId, true)
  }

  disconnect(peerId: string): void {
    this.#peers = this.#peers.filter((peer) => peer.peerId !== peerId)
    for (const listener of this.#listeners) listener(peerId, false)
  }

  /** A dial of `peerId` connects. */
  reach(peerId: string, target: DialTarget): Reached {
    const address = target.addresses[0] ?? ''
    this.connect(peerId, { address })
    return { peerId, address }
  }
}

export function unreachable(): Error {
  return Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
}

export function wrongPeer(): Error {
  return new Error('Payload identity key A does not match expected remote identity key B')
}

/** Names and TXT records as plain tables. */
export function fakeResolver(tables: {
  readonly addresses?: Readonly<Record<string, readonly string[]>>
  readonly txt?: Readonly<Record<string, readonly string[]>>
}): NameResolver {
  const find = async (
    table: Readonly<Record<string, readonly string[]>> | undefined,
    name: string,
  ) => {
    const found = table?.[name]
    if (found === undefined) throw Object.assign(new Error(`no ${name}`), { code: 'ENOTFOUND' })
    return [...found]
  }
  return {
    addresses: async (name, family) => {
      const found = await find(tables.addresses, name)
      if (family === 'any') return found
      return found.filter((ip) => ip.includes(':') === (family === 6))
    },
    txt: (name) => find(tables.txt, name),
  }
}

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly fields: Record<string, unknown>
}

/** Keeps lines of `info` and above. */
export function recordingLogger(): Logger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const at = (level: string) => (fields: Record<string, unknown>, message: string) => {
    lines.push({ level, message, fields })
  }
  const logger: Logger & { readonly lines: LogLine[] } = {
    lines,
    debug: () => {},
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
    isLevelEnabled: (level) => level !== 'debug',
  }
  return logger
}
