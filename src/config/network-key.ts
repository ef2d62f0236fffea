import { accept, type Kind, type Parsed, refuse } from './kinds.ts'
import { Secret } from './secret.ts'

const HEX_KEY = /^[0-9a-f]{64}$/
const HEADER = '/key/swarm/psk/1.0.0/'
const ENCODING = '/base16/'

/**
 * A private network's 32-byte key: 64 hex digits, or the text of a `swarm.key` file. The value is
 * always the hex digits, lower case.
 */
export function parseNetworkKey(text: string): Parsed<Secret> {
  const lines = text
    .trim()
    .split(/\s+/)
    .map((line) => line.toLowerCase())
  const [header, encoding, hex] = lines.length === 1 ? [HEADER, ENCODING, lines[0]] : lines
  const isKey =
    lines.length !== 2 &&
    lines.length <= 3 &&
    header === HEADER &&
    encoding === ENCODING &&
    HEX_KEY.test(hex ?? '')
  return isKey
    ? accept(new Secret(hex ?? ''))
    : refuse(`must be 64 hex digits, or the three lines ${HEADER}, ${ENCODING} and 64 hex digits`)
}

export const networkKey: Kind<Secret> = {
  label: '64 hex digits or swarm.key text',
  parse: parseNetworkKey,
  format: String,
  refused: ['abc', 'g'.repeat(64), '0'.repeat(63), `${HEADER} /base64/ ${'0'.repeat(64)}`],
}
