import type { HostLimits } from '../limits.ts'

/**
 * The limits of a host that is a hop: no stream's window grows beyond the one it begins with. What a window
 * lets a sender have on its way arrives whatever its circuit's other end does, and a circuit holds little.
 */
export function hopLimits(limits: HostLimits): HostLimits {
  const { streamOptions } = limits.yamux
  const windowBytes = streamOptions.initialStreamWindowSize
  const options = {
    ...streamOptions,
    maxStreamWindowSize: windowBytes,
    maxReadBufferLength: 3 * windowBytes,
  }
  return { ...limits, yamux: { ...limits.yamux, streamOptions: options } }
}
