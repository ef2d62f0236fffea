import { parse } from 'dotenv'

/** One assignment of a `.env` file. */
interface EnvFileValue {
  readonly value: string
  /** Where it stands, counted from 1; 0 when the file is too odd to tell. */
  readonly line: number
}

export interface EnvFile {
  readonly values: ReadonlyMap<string, EnvFileValue>
  /** Names that are assigned more than once, with all their lines; the last one counts. */
  readonly repeated: ReadonlyMap<string, readonly number[]>
  /** Lines that assign nothing and are no comment. */
  readonly strayLines: readonly { readonly line: number; readonly text: string }[]
}

const ASSIGNMENT = /^\s*(?:export\s+)?([\w.-]+)\s*(?:=|:\s)\s*(.*)$/
const QUOTES = ['"', "'", '`']

/**
 * Reads a `.env` file. The values are dotenv's; the lines are looked up beside it, because dotenv
 * neither tells them nor minds text that it cannot read.
 */
export function parseEnvFile(text: string): EnvFile {
  const lines = new Map<string, number[]>()
  const strayLines: { line: number; text: string }[] = []
  let openQuote: string | null = null
  for (const [index, content] of text.split(/\r\n|\r|\n/).entries()) {
    if (openQuote !== null) {
      if (content.includes(openQuote)) openQuote = null
      continue
    }
    if (/^\s*(#|$)/.test(content)) continue
    const [, name, value = ''] = ASSIGNMENT.exec(content) ?? []
    if (name === undefined) {
      strayLines.push({ line: index + 1, text: content.trim() })
      continue
    }
    lines.set(name, [...(lines.get(name) ?? []), index + 1])
    openQuote = unclosedQuote(value, text)
  }
  const values = new Map<string, EnvFileValue>()
  for (const [name, value] of Object.entries(parse(text))) {
    values.set(name, { value, line: lines.get(name)?.at(-1) ?? 0 })
  }
  const repeated = new Map([...lines].filter(([, all]) => all.length > 1))
  return { values, repeated, strayLines }
}

/** The quote that a value opens and does not close on its line. */
function unclosedQuote(value: string, text: string): string | null {
  const quote = QUOTES.find((mark) => value.startsWith(mark))
  if (quote === undefined || value.indexOf(quote, 1) > 0) return null
  // A quote that no later line closes either is just a character to dotenv.
  return text.split(quote).length % 2 === 1 ? quote : null
}
