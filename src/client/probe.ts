import type { Connection } from '@libp2p/interface'

const BYTES = 32
const PROBE_MS = 5_000

/**
 * Asks for an echo over just this connection: libp2p's own ping (@libp2p/ping 3.1) takes any, and dials another one
 * while there is none but a relayed one.
 * @param protocol `/<network>/ping/1.0.0`
 * @returns ms. @throws the signal's reason after it or 5 s, or what ended the stream
 */
export async function roundTripMs(
  connection: Connection,
  protocol: string,
  outer?: AbortSignal,
): Promise<number> {
  const deadline = AbortSignal.timeout(PROBE_MS)
  const signal = outer === undefined ? deadline : AbortSignal.any([outer, deadline])
  const stream = await connection.newStream(protocol, { signal, runOnLimitedConnection: true })
  const onAbort = () => stream.abort(new Error('no answer in time'))
  signal.addEventListener('abort', onAbort)
  try {
    const sentAtMs = performance.now()
    stream.send(crypto.getRandomValues(new Uint8Array(BYTES)))
    await stream.close({ signal })
    let received = 0
    for await (const chunk of stream) received += chunk.byteLength
    if (received !== BYTES) throw new Error(`an echo of ${received} bytes instead of ${BYTES}`)
    return performance.now() - sentAtMs
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/**
 * Whether the other end of this connection is there: a WebRTC dial that one end gave up can look open at the other
 * for half a minute.
 */
export async function answers(
  connection: Connection,
  protocol: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await roundTripMs(connection, protocol, signal)
    return true
  } catch {
    return false
  }
}
