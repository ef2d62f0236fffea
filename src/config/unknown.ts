import { escapeRemote } from '../lib/text.ts'
import { nearMatch } from './near-match.ts'
import { fileLabel, type RawSources } from './sources.ts'
import { ROWS } from './table.ts'

/** Ours by their prefix: whoever sets one means this program. */
const PREFIXES = ['WESENSE_', 'LIBP2P_', 'ORBITDB_', 'RELAY_']

/** Read by the container engine, by Node or by the compose file itself, from the same `.env`. */
const FOREIGN = /^((COMPOSE|DOCKER|NODE|NPM)_|WESENSE_NODE_IMAGE$)/

/** Set by this program for the process it replaces itself with. */
export const HEAP_APPLIED_ENV = 'WESENSE_NODE_HEAP_APPLIED'

/** Kubernetes and old container links describe a service named `wesense-...` in such variables. */
const SERVICE_LINK = /_(SERVICE_(HOST|PORT\w*)|PORT(_\d+_(TCP|UDP)\w*)?)$/

/** Names that no near match explains, because the setting they stand for has another one. */
const MEANT: Readonly<Record<string, string>> = {
  ORBITDB_DIR: 'everything is kept in DATA_DIR',
  ORBITDB_DIRECTORY: 'everything is kept in DATA_DIR',
  ORBITDB_PORT: 'the API listens on PORT, peers on LIBP2P_PORT',
  ORBITDB_TTL_DAYS: 'use NODE_TTL_DAYS',
  LIBP2P_ANNOUNCE: 'use ANNOUNCE_ADDRESS',
}

const KNOWN = ROWS.map((row) => row.env)

/** One line for each name in the environment (ours by prefix) or the file (any) that is no setting. */
export function findUnknown(sources: RawSources): string[] {
  const problems: string[] = []
  for (const [name, value] of Object.entries(sources.env)) {
    if (value === undefined || value === '' || !isOurs(name)) continue
    problems.push(describe(name, 'environment'))
  }
  for (const [name, { value, line }] of sources.file?.values ?? []) {
    if (value === '' || FOREIGN.test(name) || KNOWN.includes(name)) continue
    problems.push(describe(name, fileLabel(sources.fileName, line)))
  }
  for (const { line, text } of sources.file?.strayLines ?? []) {
    const name = /^\w+/.exec(text)?.[0] ?? ''
    const about = KNOWN.includes(name) ? `${name} ` : ''
    problems.push(`${about}(${fileLabel(sources.fileName, line)}): the line is no NAME=value`)
  }
  return problems
}

function isOurs(name: string): boolean {
  if (KNOWN.includes(name) || FOREIGN.test(name) || name === HEAP_APPLIED_ENV) return false
  return PREFIXES.some((prefix) => name.startsWith(prefix)) && !SERVICE_LINK.test(name)
}

function describe(name: string, where: string): string {
  const shown = `${escapeRemote(name, 80)} (${where}) is no setting`
  const meant = Object.hasOwn(MEANT, name) ? MEANT[name] : undefined
  if (meant !== undefined) return `${shown}: ${meant}`
  const near = nearMatch(name, KNOWN)
  return near === null
    ? `${shown}; "wesense-node --help" lists them`
    : `${shown}; is ${near} meant?`
}
