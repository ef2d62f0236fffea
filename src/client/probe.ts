import type { Connection } from '@libp2p/interface'

const BYTES = 32
const PROBE_MS = 5_000

/**
 * Whether the other end answers over just this connection: libp2p's own ping (@libp2p/ping 3.1) takes any. A
 * WebRTC dial that one end gave up can look open at the other for half a minute.
 * @param protocol `/<network>/ping/1.0.0`
 */
export async function answers(
  connection: Connection,
  protocol: string,
  outer: AbortSignal,
): Promise<boolean> {
  const signal = AbortSignal.any([outer, AbortSignal.timeout(PROBE_MS)])
  try {
    const stream = await connection.newStream(protocol, { signal, runOnLimitedConnection: true })
    const onAbort = () => stream.abort(new Error('no answer in time'))
    signal.addEventListener('abort', onAbort)
    try {
      stream.send(crypto.getRandomValues(new Uint8Array(BYTES)))
      await stream.close({ signal })
      let received = 0
      for await (const chunk of stream) received += chunk.byteLength
      return received === BYTES
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  } catch {
    return false
  }
}
