import { AsyncLocalStorage } from 'node:async_hooks'
import { Socket } from 'node:net'

/** A host of the lab: where its connections come from, and those that are open. */
export class LabHost {
  readonly ip: string
  readonly #sockets = new Set<Socket>()

  constructor(ip: string) {
    this.ip = ip
  }

  /** Runs `job`, and all that it begins, on this host: its outgoing connections have this address. */
  run<T>(job: () => T): T {
    patchOnce()
    return current.run(this, job)
  }

  /** Cuts what it opened as a power cut does: no goodbye from anything above TCP. */
  powerCut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  note(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }
}

const current = new AsyncLocalStorage<LabHost>()
let isPatched = false

/** Many hosts live in one process, and neither libp2p's DHT nor a station's dialer takes a local address. */
function patchOnce(): void {
  if (isPatched) return
  isPatched = true
  const connect = Socket.prototype.connect
  Socket.prototype.connect = function (this: Socket, ...args: unknown[]): Socket {
    const host = current.getStore()
    // `net.connect` hands over what it made of its arguments: a list that begins with the options.
    const [first] = args
    const options: unknown = Array.isArray(first) ? first[0] : first
    if (host !== undefined && isForeign(options)) {
      options.localAddress = host.ip
      host.note(this)
    }
    return Reflect.apply(connect, this, args)
  }
}

function isForeign(options: unknown): options is { host: string; localAddress?: string } {
  if (typeof options !== 'object' || options === null || !('host' in options)) return false
  return typeof options.host === 'string' && !options.host.startsWith('127.')
}
