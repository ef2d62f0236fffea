import { withoutComments } from './imports.ts'

/** Measuring is no touch: these read the process and change nothing. */
const READING = new Set([
  'arch',
  'constrainedMemory',
  'cpuUsage',
  'getActiveResourcesInfo',
  'hrtime',
  'memoryUsage',
  'platform',
  'resourceUsage',
  'uptime',
  'version',
  'versions',
])

/** Uses of the process that only the process edge may make: `line: what`. */
export function processUses(source: string): string[] {
  const code = withoutComments(source)
  // A parameter or a destructured field that is called `process` is somebody's own thing.
  if (/[{,(]\s*process\s*[,})]/.test(code.replace(/^import[^']*'[^']*'/gm, ''))) return []
  return [...code.matchAll(/(?<![\w$.'"-])process\.([\w$]+)/g)]
    .filter((match) => !READING.has(match[1] ?? ''))
    .map((match) => `${code.slice(0, match.index).split('\n').length}: process.${match[1]}`)
}
