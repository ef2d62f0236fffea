import type { MuxerLimits } from '../guards/yamux-limits.ts'
import type { HostLimits } from '../limits.ts'

/** What one peer connection takes from its peer: the figures of yamux, and those of its channels. */
export type ChannelLimits = MuxerLimits & HostLimits['webRtc']
