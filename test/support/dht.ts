import type { Host } from '../../src/network/host.ts'

/** Protobuf of a kad-dht request: a type and a key. */
export function request(type: number, key: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([0x08, type]), field(2, key)])
}

/** A message of a DHT: a field of bytes, with a length of up to 16 383. */
export function field(number: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([number * 8 + 2]), length(bytes.byteLength), bytes])
}

export function length(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest >>= 7) bytes.push((rest & 0x7f) | 0x80)
  return Buffer.from([...bytes, rest])
}

/** @returns whether each was answered */
export async function rawRequests(
  from: Host,
  to: Host,
  requests: readonly Uint8Array[],
): Promise<boolean> {
  const signal = AbortSignal.timeout(5_000)
  const stream = await from.transport.open(to.peerId, from.names.kad, signal)
  const answers = stream.chunks()[Symbol.asyncIterator]()
  try {
    for (const bytes of requests) {
      await stream.send(Buffer.concat([length(bytes.byteLength), bytes]), signal)
      if ((await answers.next()).done === true) return false
    }
    return true
  } catch {
    return false
  } finally {
    stream.abort(new Error('done'))
  }
}
