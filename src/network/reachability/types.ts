/** Whether others can open a connection to this node; `unknown` until two of them have tried. */
export type ReachabilityState = 'public' | 'private' | 'unknown'

/** What a server found: `declined` says nothing about us. */
export type DialBackResult = 'reached' | 'unreached' | 'declined'
