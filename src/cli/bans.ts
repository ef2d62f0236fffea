import { escapeRemote } from '../lib/text.ts'
import { type ApiCall, askApi, errorCode } from './api-client.ts'
import { type BansReply, renderBans } from './bans-report.ts'
import { CliError } from './errors.ts'
import { fit } from './format.ts'
import { EXIT, type SettingsContext } from './types.ts'

const USAGE =
  'bans takes: list [--all], add PEER|IP|CIDR [--for 7d] [--why TEXT] or lift PEER|IP|CIDR|all'
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }
/** Ten years, as the API takes it. */
const LONGEST_SECONDS = 315_360_000
const WHY_LIMIT = 200
/** A write waits for the disk. */
const WRITE_TIMEOUT_MS = 10_000

/** `bans ...`: who is kept out by the running node, and the operator's word on it. */
export async function run(context: SettingsContext): Promise<number> {
  const { words, flags } = splitWords(context.words)
  const [action = 'list', target, ...more] = words
  const isListing = action === 'list' && target === undefined
  const allowed = action === 'add' ? ['--for', '--why'] : isListing ? ['--all'] : []
  const wrong = [...flags.keys()].find((flag) => !allowed.includes(flag))
  if (wrong !== undefined || more.length > 0) throw usage()
  if (isListing) return await list(context, flags.has('--all'))
  if (target === undefined) throw usage()
  if (action === 'add') return await add(context, target, flags)
  if (action === 'lift') return await lift(context, target)
  throw usage()
}

/** Flags of this command alone, which arrive among the words. */
function splitWords(all: readonly string[]) {
  const words: string[] = []
  const flags = new Map<string, string>()
  const rest = [...all]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--all') flags.set(word, '')
    else if (word === '--for' || word === '--why') {
      const value = rest.shift()
      if (value === undefined) throw new CliError('USAGE', `${word} needs a value`)
      if (flags.has(word)) throw new CliError('USAGE', `${word} is given twice`)
      flags.set(word, value)
    } else words.push(word)
  }
  return { words, flags }
}

async function list(context: SettingsContext, isAll: boolean): Promise<number> {
  const body = await ask(context, '/bans')
  if (!('bans' in body && Array.isArray(body.bans) && 'points' in body)) throw otherForm()
  return say(context, body, () => renderBans(body as unknown as BansReply, isAll, new Date()))
}

async function add(
  context: SettingsContext,
  target: string,
  flags: ReadonlyMap<string, string>,
): Promise<number> {
  const duration = flags.get('--for')
  const seconds = duration === undefined ? null : parseDuration(duration)
  const why = flags.get('--why') ?? null
  if (why !== null && why.length > WHY_LIMIT) {
    throw new CliError('USAGE', `--why takes ${WHY_LIMIT} characters at most`)
  }
  const call: ApiCall = { method: 'PUT', body: { for_seconds: seconds, why } }
  const reply = await ask(context, pathOf(target), call)
  const banned = 'banned' in reply && typeof reply.banned === 'string' ? reply.banned : target
  return say(context, reply, () => [
    fit(
      `Banned ${duration === undefined ? 'until it is lifted' : `for ${duration}`}: ${banned}`,
      100,
    ),
    ...unkept(reply),
  ])
}

async function lift(context: SettingsContext, target: string): Promise<number> {
  const reply = await ask(context, target === 'all' ? '/bans' : pathOf(target), {
    method: 'DELETE',
  })
  const lifted = 'lifted' in reply && Array.isArray(reply.lifted) ? reply.lifted.map(String) : []
  return say(context, reply, () => [
    lifted.length === 0
      ? 'Nobody was kept out.'
      : lifted.length === 1
        ? fit(`Lifted: ${lifted[0]}`, 100)
        : `Lifted: all ${lifted.length}`,
    ...unkept(reply),
  ])
}

/** `90s`, `30m`, `12h`, `7d`, `2w`. @throws CliError `USAGE` naming it */
function parseDuration(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9})([smhdw])$/.exec(text) ?? []
  const seconds = Number(count) * (UNITS[unit] ?? 0)
  if (seconds >= 1 && seconds <= LONGEST_SECONDS) return seconds
  const shown = escapeRemote(text, 40)
  throw new CliError(
    'USAGE',
    `--for "${shown}" is no duration such as 90s, 30m, 12h, 7d or 2w, ten years at most`,
  )
}

function pathOf(target: string): string {
  return `/bans/${encodeURIComponent(target)}`
}

/** A call that must succeed. @throws CliError `REFUSED` with the node's own sentence. */
async function ask(context: SettingsContext, path: string, call?: ApiCall): Promise<object> {
  const { status, body } = await askApi(context.loaded.settings, path, WRITE_TIMEOUT_MS, call)
  if (typeof body !== 'object' || body === null) throw otherForm()
  if (status === 200) return body
  // A node of before has no such route, and says so in these words.
  if (errorCode(body) === null || errorCode(body) === 'ROUTE_NOT_FOUND') throw otherForm()
  const said = 'error' in body && typeof body.error === 'string' ? body.error : 'no reason given'
  throw new CliError('REFUSED', `the node answers ${errorCode(body)}: ${escapeRemote(said, 300)}`)
}

function unkept(reply: object): string[] {
  const isKept = !('kept' in reply) || reply.kept === true
  return isKept
    ? []
    : ['The disk took no write: it holds until the node restarts, and is tried again.']
}

function say(context: SettingsContext, reply: object, lines: () => readonly string[]): number {
  const { output, switches } = context
  const text = switches.has('json') ? JSON.stringify(reply, null, 2) : lines().join('\n')
  output.out(`${text}\n`)
  return EXIT.ok
}

function otherForm(): CliError {
  return new CliError('BAD_ANSWER', 'The node answers in another form: is it of another version?')
}

function usage(): CliError {
  return new CliError('USAGE', USAGE)
}
