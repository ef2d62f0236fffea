import { wrapText } from '../config/index.ts'
import { CliError } from './errors.ts'
import { COLUMNS, fit } from './format.ts'
import { ask, readKeys, readStatements, readVouches, trustPath } from './trust-api.ts'
import { renderKeys, renderWhy } from './trust-report.ts'
import { checkStatement, readExported } from './trust-verify.ts'
import { EXIT, type SettingsContext } from './types.ts'

const USAGE =
  'trust takes: list, add INGESTER PUBLIC_KEY [--version N], revoke INGESTER [--version N], ' +
  'vouch PEER_ID [revoke | delete], why INGESTER or verify FILE'

/** `trust ...`: governs which keys count, through the running node's API; `verify` needs no node. */
export async function run(context: SettingsContext): Promise<number> {
  const [action = 'list', ...words] = context.words
  const { rest, version } = takeVersion(context, words)
  const [first, second, ...more] = rest
  if (more.length > 0) throw usage()
  if (action === 'list' && first === undefined) return await list(context)
  if (first === undefined) throw usage()
  if (action === 'add' && second !== undefined) {
    return await add(context, first, second, version ?? '1')
  }
  if (action === 'vouch') return await vouch(context, first, second)
  if (second !== undefined) throw usage()
  if (action === 'revoke') return await revoke(context, first, version)
  if (action === 'why') return await why(context, first)
  if (action === 'verify') return await verify(context, first)
  throw usage()
}

/** `--version` is a switch elsewhere, so its number is the last word here. */
function takeVersion({ switches }: SettingsContext, words: readonly string[]) {
  if (!switches.has('version')) return { rest: words, version: null }
  const version = words.at(-1)
  if (version === undefined || !/^\d{1,9}$/.test(version)) throw usage()
  return { rest: words.slice(0, -1), version: String(Number(version)) }
}

async function list(context: SettingsContext): Promise<number> {
  const { settings } = context.loaded
  const [keys, vouches] = [await readKeys(settings), await readVouches(settings)]
  return say(context, { keys, ...vouches }, () => renderKeys(keys, vouches))
}

async function add(
  context: SettingsContext,
  ingesterId: string,
  key: string,
  version: string,
): Promise<number> {
  const { settings } = context.loaded
  const body = { public_key: key, key_version: Number(version), status: 'active' }
  await ask(settings, trustPath(ingesterId), { method: 'PUT', body })
  const versions = (await readKeys(settings))[ingesterId] ?? {}
  const current = versions[version]
  const counts = current?.public_key === key && current.status === 'active'
  const reply = { ingester_id: ingesterId, version, public_key: key, counts }
  const isRevoked = current?.public_key === key && current.status === 'revoked'
  const free = Math.max(...Object.keys(versions).map(Number)) + 1
  const otherwise = isRevoked
    ? `Version ${version} of ${ingesterId} stays revoked: a revocation is final. ` +
      `Give a new key version ${free}.`
    : 'It does not count: "trust why" with this ingester says by which rule.'
  say(context, reply, () => [
    `Stated: version ${version} of ${ingesterId} is ${key}`,
    ...(counts ? ['It counts.'] : wrapText(otherwise, COLUMNS)),
  ])
  return isRevoked ? EXIT.failed : EXIT.ok
}

async function revoke(
  context: SettingsContext,
  ingesterId: string,
  version: string | null,
): Promise<number> {
  const { settings } = context.loaded
  const path = trustPath(ingesterId)
  if (version === null) {
    const missing = `this station states no key of ${fit(ingesterId, 64)}`
    await ask(settings, path, { method: 'DELETE' }, missing)
  } else {
    const key = (await readKeys(settings))[ingesterId]?.[version]
    if (key === undefined) {
      const message = `version ${version} of ${fit(ingesterId, 64)} does not count, so it needs no revoking`
      throw new CliError('REFUSED', message)
    }
    const body = { public_key: key.public_key, key_version: Number(version), status: 'revoked' }
    await ask(settings, path, { method: 'PUT', body })
  }
  const versions = (await readKeys(settings))[ingesterId] ?? {}
  const revoked = Object.entries(versions).flatMap(([name, { status }]) =>
    status === 'revoked' ? [name] : [],
  )
  return say(context, { ingester_id: ingesterId, revoked }, () => [
    `Revoked for good: ${revoked.length === 0 ? 'no version that counts' : `version ${revoked.join(', ')}`} of ${ingesterId}`,
  ])
}

async function vouch(
  context: SettingsContext,
  peerId: string,
  change: string | undefined,
): Promise<number> {
  if (change !== undefined && change !== 'revoke' && change !== 'delete') throw usage()
  const { settings } = context.loaded
  const path = `/trust/vouches/${encodeURIComponent(peerId)}`
  if (change === 'delete') {
    const missing = `this station states no vouch for ${fit(peerId, 64)}`
    await ask(settings, path, { method: 'DELETE' }, missing)
    return say(context, { peer_id: peerId, deleted: true }, () => [`Taken back: ${peerId}`])
  }
  const status = change === 'revoke' ? 'revoked' : 'active'
  const reply = await ask(settings, path, { method: 'PUT', body: { status } })
  const counts = 'counts' in reply && reply.counts === true
  return say(context, { peer_id: peerId, status, counts }, () => [
    `${status === 'active' ? 'Vouched for' : 'Vouch revoked'}: ${peerId}`,
    counts ? 'It counts.' : 'It does not count: this node is not among TRUST_AUTHORITIES.',
  ])
}

async function why(context: SettingsContext, about: string): Promise<number> {
  const isJson = context.switches.has('json')
  const reply = await readStatements(context.loaded.settings, about, isJson)
  return say(context, reply, () => renderWhy(about, reply))
}

async function verify(context: SettingsContext, file: string): Promise<number> {
  const statements = readExported(await read(context, file))
  // The entry rules come with the registry, which only this command needs.
  const { verifyTrustEntry } = await import('../registry/index.ts')
  const checked = statements.map((statement) => checkStatement(statement, verifyTrustEntry))
  const wrong = checked.filter(({ problem }) => problem !== null).length
  const reply = { valid: wrong === 0, statements: checked.map(toJson) }
  say(context, reply, () => [
    ...checked.flatMap(({ about, author, entryHash, problem }) => [
      fit(`${problem === null ? 'valid' : 'NOT VALID'}: ${about}`, 100),
      fit(`  signed by ${author}, entry`, 100),
      fit(`  ${entryHash}`, 100),
      ...(problem === null ? [] : [fit(`  ${problem}`, 100)]),
    ]),
    `${checked.length} checked, ${wrong === 0 ? 'all valid' : `${wrong} not valid`}`,
  ])
  return wrong === 0 ? EXIT.ok : EXIT.failed
}

function toJson({ about, author, entryHash, problem }: ReturnType<typeof checkStatement>): object {
  return { about, author, entry_hash: entryHash, valid: problem === null, problem }
}

async function read(context: SettingsContext, file: string): Promise<Uint8Array> {
  try {
    return await context.readFile(file)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new CliError('FILE_UNREADABLE', `${file} cannot be read (${code})`, { cause: error })
  }
}

function say(context: SettingsContext, reply: object, lines: () => readonly string[]): number {
  const { output, switches } = context
  const text = switches.has('json') ? JSON.stringify(reply, null, 2) : lines().join('\n')
  output.out(`${text}\n`)
  return EXIT.ok
}

function usage(): CliError {
  return new CliError('USAGE', USAGE)
}
