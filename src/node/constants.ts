/** Where a station listens whose record names no port; the default of LIBP2P_PORT. */
export const ASSUMED_LIBP2P_PORT = 4002
