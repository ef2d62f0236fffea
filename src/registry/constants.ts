/**
 * Version of the rules that decide what may enter a log. It is part of every database name, because a
 * log is only whole where all nodes decide alike (a rejected ancestor rejects all that follow it).
 */
export const RULES_VERSION = 1

/** The fixed `type` in a database's manifest; part of its address. */
export const DATABASE_TYPE = 'wesense-records'

/** Encoded entry: 1 000 of them fit a 10 MB budget, and a gossip message is far below its cap. */
export const MAX_ENTRY_BYTES = 8192

/** Parents of one entry. A burst of more heads than this is merged by several entries. */
export const MAX_NEXT = 32
export const MAX_REFS = 32

/** A clock may run ahead of ours by this much; beyond it an entry waits. */
export const MAX_CLOCK_AHEAD_MS = 10 * 60_000

export const DAY_MS = 86_400_000
