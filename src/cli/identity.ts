import {
  exportIdentity,
  IdentityError,
  importIdentity,
  keyPath,
  lockDataDir,
  readIdentity,
} from '../identity/index.ts'
import { CliError } from './errors.ts'
import { EXIT, type SettingsContext } from './types.ts'

/** `identity show | export | import FILE [--force]`, on the data folder, with the node stopped or not. */
export async function run(context: SettingsContext): Promise<number> {
  const [action = 'show', ...rest] = context.words
  if (action === 'show' && rest.length === 0) return await show(context)
  if (action === 'export' && rest.length === 0) return await exportKey(context)
  const [file, ...more] = rest
  if (action === 'import' && file !== undefined && more.length === 0) {
    return await importKey(context, file)
  }
  throw new CliError('USAGE', 'identity takes: show, export, or import FILE [--force]')
}

async function show(context: SettingsContext): Promise<number> {
  const { dataDir } = context.loaded.settings
  const identity = await readIdentity(dataDir)
  const path = keyPath(dataDir)
  if (identity === null) {
    const message = `No identity key at ${path}: is DATA_DIR right? A start in an empty folder creates one.`
    throw new IdentityError('KEY_MISSING', message, { path })
  }
  const publicKey = Buffer.from(identity.publicKeyRaw).toString('base64')
  context.output.out(
    context.switches.has('json')
      ? `${JSON.stringify({ peer_id: identity.peerId, public_key: publicKey, key_file: path })}\n`
      : `Peer ID     ${identity.peerId}\nPublic key  ${publicKey}\nKey file    ${path}\n`,
  )
  return EXIT.ok
}

async function exportKey(context: SettingsContext): Promise<number> {
  const text = await exportIdentity({ dataDir: context.loaded.settings.dataDir })
  context.output.out(
    context.switches.has('json') ? `${JSON.stringify({ identity: text })}\n` : text,
  )
  return EXIT.ok
}

async function importKey(context: SettingsContext, file: string): Promise<number> {
  const { dataDir } = context.loaded.settings
  const bytes = await read(context, file)
  const { pid, isAlive } = context.process
  const lock = await lockDataDir({ dataDir, pid, isAlive })
  try {
    const { identity, backupPath, isChanged } = await importIdentity({
      dataDir,
      bytes,
      isForced: context.switches.has('force'),
    })
    const backup = backupPath === null ? '' : `, the key before it is kept as ${backupPath}`
    const text = isChanged ? `This node is now ${identity.peerId}${backup}` : 'Nothing to change'
    context.output.out(
      context.switches.has('json')
        ? `${JSON.stringify({ peer_id: identity.peerId, changed: isChanged, backup: backupPath })}\n`
        : `${text}\n`,
    )
    return EXIT.ok
  } finally {
    await lock.release()
  }
}

async function read(context: SettingsContext, file: string): Promise<Uint8Array> {
  try {
    return await context.readFile(file)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new CliError('FILE_UNREADABLE', `${file} cannot be read (${code})`, { cause: error })
  }
}
