/** A host that cannot close in this time is left to the end of the process. */
export const STOP_DEADLINE_MS = 3_000

/** Interfaces are read again after this long: a laptop that changes networks is followed. */
export const INTERFACES_TTL_MS = 5_000

/** Most addresses an operator can register; seeds resolve to several each. */
export const OPERATOR_ADDRESS_LIMIT = 4_096

/** A name that a remote announced must resolve by then, else it is not dialled. */
export const NAME_CHECK_DEADLINE_MS = 2_000
