/** Bytes of one hop or stop message: a reservation with a voucher and eight addresses has under 1 KiB. */
export const LIMIT_MESSAGE_BYTES = 4_096
/**
 * Bytes that may follow a handshake message before it is answered. A client waits for the answer; a
 * hasty one sends the first flight of its own handshake.
 */
export const LIMIT_EARLY_BYTES = 64 * 1_024
/** From the opened stream to the whole request. */
export const REQUEST_DEADLINE_MS = 10_000
/**
 * From the request to the destination's answer: two round trips of a satellite link, and less than the ten
 * seconds for which a client of the library waits.
 */
export const STOP_DEADLINE_MS = 8_000
/** A verdict that takes longer is a refusal: the client gives up soon after. */
export const JUDGE_DEADLINE_MS = 5_000
/** An answered stream whose remote does not close its side by then is reset. */
export const CLOSE_DEADLINE_MS = 5_000
/** Between two looks for reservations that have run out. A full store looks at once, so it is in no hurry. */
export const SWEEP_INTERVAL_MS = 5_000
/** Requests of one peer at once, and then a second: a station refreshes twice an hour and connects to some. */
export const REQUEST_BURST = 20
export const REQUESTS_PER_SECOND = 1
/** Verdicts asked for at once when all are asked for again. */
export const REJUDGE_CONCURRENCY = 8
