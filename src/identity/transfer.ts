import { IdentityError } from './errors.ts'
import type { Identity } from './identity.ts'
import { backupPathFor, keyPath, writeKeyFile } from './key-file.ts'
import { keyToProtobuf, keyToText, parseKeyFile } from './key-format.ts'
import { readIdentity } from './load.ts'

/**
 * The identity of a data folder as text that `importIdentity` reads back.
 * @throws IdentityError `KEY_MISSING`, `KEY_UNREADABLE`, `KEY_NOT_ED25519`.
 */
export async function exportIdentity(options: { readonly dataDir: string }): Promise<string> {
  const identity = await readIdentity(options.dataDir)
  if (identity !== null) return keyToText(identity)
  const path = keyPath(options.dataDir)
  throw new IdentityError(
    'KEY_MISSING',
    `No identity key at ${path}: is DATA_DIR right? The first start in an empty folder makes one.`,
    { path },
  )
}

interface ImportIdentityOptions {
  readonly dataDir: string
  /** Exported text, raw libp2p protobuf, or its base64. */
  readonly bytes: Uint8Array
  /** Replace another key; the old file is kept beside it. */
  readonly isForced?: boolean
  /** Names the backup; the present time by default. */
  readonly now?: Date
}

interface ImportResult {
  readonly identity: Identity
  /** Where the replaced key file lies now, null when there was none. */
  readonly backupPath: string | null
  /** False when this very key was already in place. */
  readonly isChanged: boolean
}

/**
 * Puts a key in place. The caller holds the data folder's lock.
 * @throws IdentityError `IMPORT_MALFORMED`, `KEY_NOT_ED25519`, `KEY_EXISTS` (another or a damaged key
 * is there and `isForced` is not set), `DATA_DIR_NOT_WRITABLE`.
 */
export async function importIdentity(options: ImportIdentityOptions): Promise<ImportResult> {
  const { dataDir, isForced = false } = options
  const path = keyPath(dataDir)
  const parsed = parseKeyFile(options.bytes)
  if (!parsed.isOk) {
    const code = parsed.reason === 'not-ed25519' ? 'KEY_NOT_ED25519' : 'IMPORT_MALFORMED'
    throw new IdentityError(
      code,
      `This is no Ed25519 key that can be imported: ${parsed.detail}. Nothing was changed.`,
      { path },
    )
  }
  const { identity } = parsed
  const present = await presentKey(dataDir)
  if (present === identity.peerId) return { identity, backupPath: null, isChanged: false }
  if (present !== null && !isForced) {
    throw new IdentityError(
      'KEY_EXISTS',
      `${path} already holds ${present}: with --force it is kept as a backup and replaced by ` +
        `${identity.peerId}. Nothing was changed.`,
      { path },
    )
  }
  const backupPath = present === null ? null : backupPathFor(dataDir, options.now ?? new Date())
  await writeKeyFile(dataDir, keyToProtobuf(identity.privateKey), backupPath)
  return { identity, backupPath, isChanged: true }
}

/** The present peer ID, words for a file that holds none, or null for no file. */
async function presentKey(dataDir: string): Promise<string | null> {
  try {
    return (await readIdentity(dataDir))?.peerId ?? null
  } catch (error) {
    if (error instanceof IdentityError && error.code.startsWith('KEY_')) {
      return 'a key that cannot be read'
    }
    throw error
  }
}
