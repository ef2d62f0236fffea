const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS

/** An AutoNAT message is a request with some addresses. */
export const LIMIT_MESSAGE_BYTES = 2048
/** A server answers after its dial, which takes five seconds when nobody is there. */
export const ASK_DEADLINE_MS = 12 * SECOND_MS
/** All of one request, the dial included. */
export const SERVE_DEADLINE_MS = 10 * SECOND_MS
/** Dial-backs of this node, whoever asks. */
export const DIAL_BACKS_PER_SECOND = 1
export const DIAL_BACK_BURST = 3
/** Of one host: nobody learns more from a second one at once. */
export const DIAL_BACK_EVERY_MS = 2 * SECOND_MS
/** At a time. */
export const LIMIT_DIAL_BACKS = 4
/** Ports below belong to services that nobody here may probe, and to web servers. */
export const FIRST_USER_PORT = 1024

/** Answers against an address that make a verdict, of as many servers where there are so many. */
export const ANSWERS_WANTED = 2
/** An address that so many servers in a row had no time for is asked about no more often than a settled one. */
export const LIMIT_DECLINED = 5
/** Between two questions while there is no verdict. */
export const HURRY_MS = 3 * SECOND_MS
/** Between two questions when there is one: a port that was opened is noticed by then. */
export const SETTLED_MS = 5 * MINUTE_MS
/**
 * Without a verdict, a station that has none but private addresses is behind a NAT nearly always: it does
 * not wait for a server to find that out, since that takes ten seconds in which nobody reaches it.
 */
export const PRESUMED_AFTER_MS = SECOND_MS / 2
/** One with a public address of its own is reachable nearly always. */
export const PRESUMED_LATE_AFTER_MS = 30 * SECOND_MS
