import { connect as connectSocket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'

/** What a client says first, as bytes that can be sent as often as one likes. */
function clientHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read: () => {},
      write: (bytes: Buffer) => {
        resolve(bytes)
        wire.destroy()
      },
    })
    connectTls({ socket: wire }).on('error', () => {})
  })
}

/**
 * Begins a handshake from an address of loopback, and goes when it is answered.
 * @returns whether it was answered and not closed
 */
export function helloSender(
  t: { after(fn: () => void): void },
  port: number,
): (localAddress: string) => Promise<boolean> {
  const hello = clientHello()
  return async (localAddress) => {
    const socket = connectSocket({ port, host: '127.0.0.1', localAddress })
    t.after(() => socket.destroy())
    socket.on('error', () => {})
    socket.write(await hello)
    const isAnswered = await new Promise<boolean>((resolve) => {
      socket.once('data', () => resolve(true))
      socket.once('close', () => resolve(false))
    })
    socket.destroy()
    return isAnswered
  }
}
