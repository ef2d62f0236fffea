import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/**
 * A server that becomes a WebSocket and then does what it likes.
 * @param begin makes what is sent together with the answer to the upgrade
 * @returns its port
 */
export async function rawWebSocketServer(
  t: { after(fn: () => void): void },
  begin: (socket: Socket) => Uint8Array,
): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', (request) => {
      const [, key = ''] = /sec-websocket-key: *(\S+)/i.exec(String(request)) ?? []
      const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64')
      const answer = [
        'HTTP/1.1 101 Switching Protocols',
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Accept: ${accept}`,
      ]
      const head = Buffer.from(`${answer.join('\r\n')}\r\n\r\n`)
      socket.write(Buffer.concat([head, begin(socket)]))
    })
  })
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
