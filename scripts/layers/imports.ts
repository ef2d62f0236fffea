/** One `import` or `export ... from` of a source file. */
export interface ImportedFrom {
  readonly specifier: string
  /** `import type` and `export type`: gone at run time. */
  readonly isTypeOnly: boolean
  /** Counted from 1. */
  readonly line: number
}

const CLAUSE = String.raw`(?:\*(?:\s+as\s+[\w$]+)?|[\w$]+(?:\s*,\s*(?:\{[^}]*\}|\*\s+as\s+[\w$]+))?|\{[^}]*\})`
const STATEMENT = new RegExp(
  String.raw`^(?:import|export)\s+(type\s+)?(?:${CLAUSE}\s*from\s*)?'([^'\n]+)'`,
  'gm',
)
const DYNAMIC = /\bimport\(\s*'([^'\n]+)'\s*,?\s*\)/g

/** Reads the imports of a formatted source file: statements begin their line, quotes are single. */
export function importsOf(source: string): ImportedFrom[] {
  const code = withoutComments(source)
  const found: ImportedFrom[] = []
  for (const match of code.matchAll(STATEMENT)) {
    found.push(imported(code, match.index, match[2], match[1] !== undefined))
  }
  for (const match of withoutTexts(code).matchAll(DYNAMIC)) {
    found.push(imported(code, match.index, match[1], false))
  }
  return found
}

/** Blanks out comments and keeps every line where it was. */
export function withoutComments(source: string): string {
  const pattern =
    /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g
  return source.replace(pattern, (part) =>
    part.startsWith('//') || part.startsWith('/*') ? part.replace(/[^\n]/g, ' ') : part,
  )
}

/** Blanks out texts that could quote an import; paths, in single quotes, stay. */
function withoutTexts(code: string): string {
  return code.replace(/"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g, (text) =>
    text.replace(/[^\n]/g, ' '),
  )
}

function imported(
  code: string,
  index: number,
  specifier: string | undefined,
  isTypeOnly: boolean,
): ImportedFrom {
  const line = code.slice(0, index).split('\n').length
  return { specifier: specifier ?? '', isTypeOnly, line }
}
