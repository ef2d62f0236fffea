/** A host that cannot close in this time is left to the end of the process. */
export const STOP_DEADLINE_MS = 3_000

/**
 * Of a peer ID: a hash of 256 bits with its two bytes of what it is, or an Ed25519 or secp256k1 key, has at most 42. To
 * write one as text takes as many steps as the square of its length: 4 KiB some 30 ms, 16 KiB a second.
 */
export const PEER_ID_LIMIT_BYTES = 64

/** Interfaces are read again after this long: a laptop that changes networks is followed. */
export const INTERFACES_TTL_MS = 5_000

/** Most addresses an operator can register; seeds resolve to several each. */
export const OPERATOR_ADDRESS_LIMIT = 4_096

/** A name that a remote announced must resolve by then, else it is not dialled. */
export const NAME_CHECK_DEADLINE_MS = 2_000
