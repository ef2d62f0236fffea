/**
 * The composition root. Owns which part is given what, the order of start and stop, the node's own
 * record and the answers about the node as a whole.
 * Must not know: protocols, records' rules, HTTP.
 * Invariants: what was started is stopped, in reverse, each step within its time.
 */
export { createNode } from './node.ts'
