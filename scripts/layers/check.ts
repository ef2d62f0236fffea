import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { findCycles } from './cycles.ts'
import { importsOf } from './imports.ts'
import { processUses } from './process-use.ts'
import { internalProblem, packageProblem } from './rules.ts'

/** Where a process begins: nothing else touches it. */
const EDGES = new Set(['main.ts', 'network/webrtc/child/main.ts'])

/** Reads every source file below `srcDir`. @returns one line per problem, none when all is well. */
export function checkLayers(srcDir: string): string[] {
  const files = readdirSync(srcDir, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts'))
    .sort()
  const problems: string[] = []
  const graph = new Map<string, string[]>()
  for (const file of files) {
    const source = readFileSync(join(srcDir, file), 'utf8')
    const targets: string[] = []
    for (const imported of importsOf(source)) {
      const { specifier, isTypeOnly, line } = imported
      const isOwn = specifier.startsWith('.')
      const target = posix.join(posix.dirname(file), specifier)
      // Files beside `src`, such as package.json, have no layer.
      if (isOwn && target.startsWith('../')) continue
      if (isOwn && !isTypeOnly) targets.push(target)
      const problem = isOwn
        ? internalProblem(file, target, imported)
        : packageProblem(file, imported)
      if (problem !== null) problems.push(`src/${file}:${line}: ${problem}`)
    }
    graph.set(file, targets)
    if (EDGES.has(file)) continue
    for (const use of processUses(source)) {
      problems.push(`src/${file}:${use} is for main.ts alone`)
    }
  }
  for (const cycle of findCycles(graph)) {
    problems.push(`src/${cycle[0]}: imports itself: ${[...cycle, cycle[0]].join(' -> ')}`)
  }
  return problems
}
