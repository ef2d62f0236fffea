import packet from 'dns-packet'

import { type Clock, systemClock } from '../../lib/clock.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import { NetworkError } from '../errors.ts'

/** Ours have some hundred bytes for each address. */
const PACKET_BYTES = 4_096
/** All neighbours of a link ask each 20 s, and all of them answer. */
const BURST = 256
const PER_SECOND = 64

const decode = packet.decode

/**
 * Reads no packet of mDNS that is longer than any of ours, and so many a second. dns-packet 5.6 follows pointers of
 * a name without a limit, each record anew: one datagram of 64 KB, from whoever reaches the port, holds up
 * everybody for half a second. What is not read is a warning to multicast-dns 7.2, which takes the function from
 * the module each time. Can go when dns-packet bounds it. Called again it starts afresh.
 */
export function boundMdnsPackets(clock: Pick<Clock, 'now'> = systemClock): void {
  const bucket = new TokenBucket({ capacity: BURST, refillPerSecond: PER_SECOND, clock })
  const bounded = (bytes: Buffer, offset?: number) => {
    if (bytes.length > PACKET_BYTES || !bucket.tryTake()) {
      throw new NetworkError('STREAM_REFUSED', 'an mDNS packet too long, or one too many')
    }
    return decode(bytes, offset)
  }
  // It notes there how much it has read.
  packet.decode = Object.assign(bounded, { bytes: 0 })
}
