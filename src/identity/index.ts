/**
 * Owns the node's Ed25519 key: creates it once, loads, exports and imports it, signs with it, and
 * verifies what other peers signed. Also claims the data folder for one process.
 * Must not know: the host, the registry, settings.
 * Invariants: a key is never replaced without being asked, and a refusal changes nothing on disk.
 */
export { lockDataDir } from './data-dir-lock.ts'
export { IdentityError } from './errors.ts'
export { createEphemeralIdentity, type Identity } from './identity.ts'
export { keyPath } from './key-file.ts'
export { loadIdentity, readIdentity } from './load.ts'
export { exportIdentity, importIdentity } from './transfer.ts'
export { publicKeyFromPeerId, verifySignature, verifySignatureLater } from './verify.ts'
