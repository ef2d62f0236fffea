import { generateKeyPair } from '@libp2p/crypto/keys'
import { IdentityError } from './errors.ts'
import { type Identity, identityFromKey } from './identity.ts'
import { keyPath, laxPermissions, listExistingData, readKeyFile, writeKeyFile } from './key-file.ts'
import { keyToProtobuf, parseKeyProtobuf } from './key-format.ts'

interface LoadIdentityOptions {
  readonly dataDir: string
  /** Told about a key that other users may read. */
  readonly onWarning?: (message: string) => void
}

/**
 * The node's identity. It is created once, in a data folder that no node has used; from then on a
 * missing or damaged key refuses, because a new one would silently be another peer.
 * @throws IdentityError `KEY_MISSING`, `KEY_UNREADABLE`, `KEY_NOT_ED25519`, `DATA_DIR_NOT_WRITABLE`;
 * nothing on disk is changed by a refusal.
 */
export async function loadIdentity(options: LoadIdentityOptions): Promise<Identity> {
  const { dataDir } = options
  const existing = await readIdentity(dataDir)
  if (existing !== null) {
    const warning = await laxPermissions(dataDir)
    if (warning !== null) options.onWarning?.(warning)
    return existing
  }
  const data = await listExistingData(dataDir)
  if (data.length > 0) throw missing(dataDir, data)
  const key = await generateKeyPair('Ed25519')
  await writeKeyFile(dataDir, keyToProtobuf(key))
  return identityFromKey(key)
}

/**
 * The identity of a data folder, or null when it has no key file. Writes nothing.
 * @throws IdentityError `KEY_UNREADABLE`, `KEY_NOT_ED25519`.
 */
export async function readIdentity(dataDir: string): Promise<Identity | null> {
  const bytes = await readKeyFile(dataDir)
  if (bytes === null) return null
  const parsed = parseKeyProtobuf(bytes)
  if (parsed.isOk) return parsed.identity
  const path = keyPath(dataDir)
  const remedy =
    'Restore the file from a backup, or put an exported key in its place with "wesense-node ' +
    'identity import FILE --force". Nothing was changed.'
  throw parsed.reason === 'not-ed25519'
    ? new IdentityError(
        'KEY_NOT_ED25519',
        `The identity key ${path} must be Ed25519, and ${parsed.detail}. ${remedy}`,
        { path },
      )
    : new IdentityError(
        'KEY_UNREADABLE',
        `The identity key ${path} is damaged (${parsed.detail}). ${remedy}`,
        { path },
      )
}

function missing(dataDir: string, data: readonly string[]): IdentityError {
  const path = keyPath(dataDir)
  const shown = data.slice(0, 4).join(', ') + (data.length > 4 ? ', ...' : '')
  return new IdentityError(
    'KEY_MISSING',
    `No identity key at ${path}, but ${dataDir} is in use (${shown}). Restore the key file from a ` +
      'backup, or run "wesense-node identity import FILE", or, to become a new peer on purpose, ' +
      `take identity, network and registry out of ${dataDir}. Nothing was changed.`,
    { path },
  )
}
