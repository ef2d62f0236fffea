import type { Duplex } from 'node:stream'
import type { MessageStreamDirection } from '@libp2p/interface'
import { AbstractMultiaddrConnection } from '@libp2p/utils'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { Uint8ArrayList } from 'uint8arraylist'

import { isObject, NetworkError } from '../../errors.ts'
import { quietLog } from '../../quiet-log.ts'
import { FRAME, type FrameKind, FrameReader, frameHead } from './frames.ts'

/** Who is at the other end of a connection, as the handshake proved it. */
export interface Opening {
  readonly remotePeer: string
  readonly remoteAddr: string
}

export interface PipeEvents {
  /** null at the end that opens them */
  readonly onOpen: ((connection: PipeConnection, opening: Opening) => void) | null
  /** @param word any value that JSON has */
  readonly onWord: (word: unknown) => void
}

/**
 * Many connections over one pipe between two processes, and the words between these. The child opens the connections,
 * the node accepts or resets each. None has a window of its own: the muxer on it has one for each stream. What no end
 * of ours says ends the pipe.
 */
export class PipeConnections {
  readonly #pipe: Duplex
  readonly #events: PipeEvents
  readonly #connections = new Map<number, PipeConnection>()
  #opened = 0

  constructor(pipe: Duplex, events: PipeEvents) {
    this.#pipe = pipe
    this.#events = events
    const reader = new FrameReader((kind, id, payload) => this.#onFrame(kind, id, payload))
    pipe.on('data', (chunk: Buffer) => {
      try {
        reader.read(chunk)
      } catch (error) {
        pipe.destroy(error instanceof Error ? error : undefined)
      }
    })
    pipe.on('drain', () => {
      for (const connection of this.#connections.values()) connection.drained()
    })
    // What it says is said by its end.
    pipe.on('error', () => {})
    pipe.on('close', () => this.#lose())
  }

  open(opening: Opening): PipeConnection {
    this.#opened += 1
    const connection = this.#add(this.#opened, opening.remoteAddr, 'outbound')
    this.write(FRAME.open, this.#opened, [Buffer.from(JSON.stringify(opening))])
    return connection
  }

  /** Says a word to the other process. What is not delivered is told by its end. */
  tell(word: unknown): void {
    this.write(FRAME.word, 0, [Buffer.from(JSON.stringify(word))])
  }

  /** @returns whether there is room for more */
  write(kind: FrameKind, id: number, payload: Iterable<Uint8Array> = []): boolean {
    const pipe = this.#pipe
    if (!pipe.writable) return false
    const parts = [...payload]
    const length = parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
    pipe.cork()
    pipe.write(frameHead(kind, id, length))
    for (const part of parts) pipe.write(part)
    pipe.uncork()
    return !pipe.writableNeedDrain
  }

  #add(id: number, remoteAddr: string, direction: MessageStreamDirection): PipeConnection {
    const write = (kind: FrameKind, payload?: Iterable<Uint8Array>) => this.write(kind, id, payload)
    const connection = new PipeConnection(multiaddr(remoteAddr), direction, write)
    this.#connections.set(id, connection)
    connection.addEventListener('close', () => this.#connections.delete(id))
    return connection
  }

  #onFrame(kind: number, id: number, payload: Uint8Array): void {
    const { onOpen, onWord } = this.#events
    if (kind === FRAME.word) {
      onWord(parse(payload))
      return
    }
    if (kind === FRAME.open && onOpen !== null) {
      const opening = openingOf(payload)
      onOpen(this.#add(id, opening.remoteAddr, 'inbound'), opening)
      return
    }
    // One that is gone at this end: the other has not heard of it yet.
    this.#connections.get(id)?.take(kind, payload)
  }

  #lose(): void {
    const lost = new NetworkError('STREAM_RESET', 'the process that speaks WebRTC is gone')
    for (const connection of [...this.#connections.values()]) connection.onTransportClosed(lost)
  }
}

/** A connection whose bytes go through the pipe. */
export class PipeConnection extends AbstractMultiaddrConnection {
  /** Rejects when the connection ends before. */
  readonly accepted: Promise<void>
  readonly #write: (kind: FrameKind, payload?: Iterable<Uint8Array>) => boolean
  readonly #onAccepted: () => void

  constructor(
    remoteAddr: Multiaddr,
    direction: MessageStreamDirection,
    write: (kind: FrameKind, payload?: Iterable<Uint8Array>) => boolean,
  ) {
    super({ remoteAddr, direction, log: quietLog.forComponent('') })
    this.#write = write
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.accepted = promise
    this.#onAccepted = resolve
    promise.catch(() => {})
    const refused = new NetworkError('STREAM_REFUSED', 'the node does not keep the connection')
    this.addEventListener('close', () => reject(refused))
  }

  /** Tells the child that the node keeps it. */
  accept(): void {
    if (this.status === 'open') this.#write(FRAME.accept)
  }

  take(kind: number, payload: Uint8Array): void {
    if (kind === FRAME.data) this.onData(new Uint8ArrayList(payload))
    else if (kind === FRAME.accept) this.#onAccepted()
    else if (kind === FRAME.close) this.onTransportClosed()
    else if (kind === FRAME.reset) this.onRemoteReset()
    else throw new RangeError(`a frame of kind ${kind}`)
  }

  drained(): void {
    if (this.writableNeedsDrain) this.safeDispatchEvent('drain')
  }

  override sendData(data: Uint8ArrayList) {
    const sentBytes = data.byteLength
    return { sentBytes, canSendMore: this.#write(FRAME.data, data) }
  }

  /** In order, and at once: however full the pipe is, it keeps the order of what is written to it. */
  override async close(): Promise<void> {
    if (this.status !== 'open') return
    const rest = this.writeBuffer.sublist()
    this.writeBuffer.consume(rest.byteLength)
    if (rest.byteLength > 0) this.#write(FRAME.data, rest)
    void this.sendClose()
    this.onTransportClosed()
  }

  override async sendClose(): Promise<void> {
    this.#write(FRAME.close)
  }

  override sendReset(): void {
    this.#write(FRAME.reset)
  }

  // Nobody pauses a whole connection: its streams have windows.
  override sendPause(): void {}
  override sendResume(): void {}
}

/** @throws SyntaxError */
function parse(payload: Uint8Array): unknown {
  return JSON.parse(Buffer.from(payload).toString())
}

/** @throws when it is none */
function openingOf(payload: Uint8Array): Opening {
  const opening = parse(payload)
  if (!isObject(opening)) throw new RangeError('a connection of nobody')
  const { remotePeer, remoteAddr }: { [key in keyof Opening]?: unknown } = opening
  if (typeof remotePeer === 'string' && typeof remoteAddr === 'string') {
    return { remotePeer, remoteAddr }
  }
  throw new RangeError('a connection of nobody')
}
