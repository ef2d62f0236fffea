const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS

/** Relays held: with two, one can die. More take places from others. */
export const RELAYS_WANTED = 2
/** From the opened stream to the whole answer. */
export const RESERVE_DEADLINE_MS = 8 * SECOND_MS
/** A reply with a voucher and the addresses of a large host has 2 KiB. */
export const LIMIT_REPLY_BYTES = 8 * 1024

/** Between two tries of a relay that cannot be reached or does not answer. */
export const RETRY_MIN_MS = SECOND_MS
export const RETRY_MAX_MS = 15 * MINUTE_MS
/** A relay that held a reservation not long ago is expected back: a restart takes seconds. */
export const HELD_RETRY_MAX_MS = 10 * SECOND_MS
export const HELD_LATELY_MS = 30 * MINUTE_MS
/** Between two tries of a relay that has no place: one is free as soon as somebody leaves. */
export const FULL_MIN_MS = 10 * SECOND_MS
export const FULL_MAX_MS = 10 * MINUTE_MS
/** Between two tries of a relay that said no. */
export const REFUSED_MIN_MS = 30 * SECOND_MS
export const REFUSED_MAX_MS = 60 * MINUTE_MS

/** Relays remembered from records, and of those that are connected. */
export const LIMIT_KNOWN = 256
export const LIMIT_CONNECTED = 512
/** Dials to relays that are not connected: a burst, and so many seconds for each further one. */
export const DIAL_BURST = 4
export const DIALS_PER_SECOND = 1 / 10
/** Addresses told of one relay: its IPv4, its IPv6 and its name. */
export const LIMIT_ADDRESSES = 3
