import { isIP } from 'node:net'
import { escapeRemote } from '../lib/text.ts'
import { Secret } from './secret.ts'

/** What a parser says: the value, or the rest of a sentence that begins with the setting's name. */
export type Parsed<T> =
  | { readonly isOk: true; readonly value: T }
  | { readonly isOk: false; readonly problem: string }

/** A type of setting: how text becomes a value, and how the value is shown. Parsers never throw. */
export interface Kind<T> {
  /** For help and documents, such as `integer 0..65535`. */
  readonly label: string
  parse(text: string): Parsed<T>
  format(value: T): string
  readonly isSwitch?: boolean
  readonly isList?: boolean
  /** Texts that it refuses; the tests of the table try each. */
  readonly refused: readonly string[]
}

export function accept<T>(value: T): Parsed<T> {
  return { isOk: true, value }
}

export function refuse<T>(problem: string): Parsed<T> {
  return { isOk: false, problem }
}

export function integer(min: number, max: number): Kind<number> {
  return {
    label: `integer ${min}..${max}`,
    parse: (text) => {
      const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
      return value >= min && value <= max
        ? accept(value)
        : refuse(`must be a whole number from ${min} to ${max}`)
    },
    format: String,
    refused: ['ten', '1.5', '-1', '1e3', '0x10', `${max + 1}`],
  }
}

const BOOLEANS = new Map([
  ...['true', 'yes', 'on', '1'].map((text) => [text, true] as const),
  ...['false', 'no', 'off', '0'].map((text) => [text, false] as const),
])

export const boolean: Kind<boolean> = {
  label: 'true | false',
  parse: (text) => {
    const value = BOOLEANS.get(text.toLowerCase())
    return value === undefined ? refuse('must be true or false') : accept(value)
  },
  format: String,
  isSwitch: true,
  refused: ['maybe', '2', 'truee'],
}

export function choice<const T extends string>(values: readonly T[]): Kind<T> {
  return {
    label: values.join(' | '),
    parse: (text) => {
      const value = values.find((known) => known === text.toLowerCase())
      return value === undefined ? refuse(`must be one of ${values.join(', ')}`) : accept(value)
    },
    format: (value) => value,
    refused: ['nonsense'],
  }
}

export interface PatternOptions {
  readonly label: string
  readonly pattern: RegExp
  readonly problem: string
  readonly refused: readonly string[]
}

/** Text that a pattern accepts whole. */
export function pattern(options: PatternOptions): Kind<string> {
  return {
    label: options.label,
    parse: (text) => (options.pattern.test(text) ? accept(text) : refuse(options.problem)),
    format: (value) => value,
    refused: options.refused,
  }
}

export function secret(minCharacters: number): Kind<Secret> {
  return {
    label: `text, at least ${minCharacters} characters`,
    parse: (text) =>
      /^[\x21-\x7e]+$/.test(text) && text.length >= minCharacters && text.length <= 512
        ? accept(new Secret(text))
        : refuse(`must be ${minCharacters} to 512 visible ASCII characters without spaces`),
    format: String,
    refused: ['short', 'with spaces in it is not a token', 'x'.repeat(513)],
  }
}

/** A file or folder; whether it exists is asked when it is used. */
export const path: Kind<string> = {
  label: 'path',
  parse: (text) =>
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is refused here
    /[\0-\x1f]/.test(text) || text.length > 4096
      ? refuse('must be a path without control characters')
      : accept(text),
  format: (value) => value,
  refused: ['a\0b', 'x'.repeat(4097)],
}

export const ip: Kind<string> = {
  label: 'IP address',
  parse: (text) =>
    isIP(text) === 0 || text.includes('%') ? refuse('must be an IP address') : accept(text),
  format: (value) => value,
  refused: ['example.org', '256.1.1.1', '1.2.3', '[::1]'],
}

export const cidr: Kind<string> = {
  label: 'network',
  parse: (text) => {
    const [address = '', bits, ...rest] = text.split('/')
    const most = isIP(address) === 4 ? 32 : isIP(address) === 6 ? 128 : -1
    const isBits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most)
    if (most < 0 || !isBits || rest.length > 0 || address.includes('%')) {
      return refuse('must be networks like 172.16.0.0/12, fd00::/8 or single addresses')
    }
    return accept(`${address}/${bits === undefined ? most : Number(bits)}`)
  },
  format: (value) => value,
  refused: ['example.org', '10.0.0.0/33', '10.0.0/8', '::/129', '10.0.0.0/8/8', '10.0.0.0/'],
}

/** Items between commas or white space; repeated ones count once. Empty text is an empty list. */
export function list<T>(kind: Kind<T>, label: string, limit = 256): Kind<readonly T[]> {
  return {
    label: `list of ${label}`,
    parse: (text) => {
      const items = new Set(text.split(/[\s,]+/).filter((item) => item !== ''))
      if (items.size > limit) return refuse(`must have at most ${limit} items`)
      const values: T[] = []
      for (const item of items) {
        const parsed = kind.parse(item)
        if (!parsed.isOk) return refuse(`item "${escapeRemote(item, 80)}" ${parsed.problem}`)
        values.push(parsed.value)
      }
      return accept(values)
    },
    format: (values) => values.map((value) => kind.format(value)).join(','),
    isList: true,
    refused: kind.refused.filter((text) => /[^\s,]/.test(text)).map((text) => `,${text}`),
  }
}

/** The same kind, for a setting that may be left out. */
export function optional<T>(kind: Kind<T>): Kind<T | null> {
  return {
    ...kind,
    parse: (text) => kind.parse(text),
    format: (value) => (value === null ? '' : kind.format(value)),
  }
}
