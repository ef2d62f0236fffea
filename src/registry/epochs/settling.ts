/**
 * From when an epoch was found past due to when its logs are deleted, and from when entries of ours were found
 * ahead to when they are written again; also from the start to the first revocation that is carried. A clock
 * that leaps and is mended within it has cost nothing, and after a start it is time enough to hear what
 * others have carried.
 */
export const SETTLE_MS = 10 * 60_000
