/**
 * Owns the commands: which one is meant, what it needs, what it prints, the exit code.
 * Must not know: the real process (facts and outputs are handed in by `main.ts`).
 * Invariants: what an operator can cause is one line on the error output and no stack; a light command
 * loads neither libp2p nor the registry.
 */
import { inspect } from 'node:util'
import { loadSettings, parseArguments } from '../config/index.ts'
import { escapeRemote } from '../lib/text.ts'
import { COMMANDS } from './commands.ts'
import { CliError } from './errors.ts'
import { operatorMessage } from './operator-errors.ts'
import { type CommandContext, EXIT, type Output, type ProcessFacts } from './types.ts'
import { commandUsage, fullUsage } from './usage.ts'

export type { ProcessFacts } from './types.ts'

export interface CliOptions {
  /** Without program and script. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly output: Output
  readonly process: ProcessFacts
  readonly version: string
  /** Reads a text file or throws as `node:fs` does. */
  readonly readTextFile: (path: string) => string
  /** Reads a file for a command; `-` is the standard input. */
  readonly readFile: (path: string) => Promise<Uint8Array>
}

/** Runs one command. Never throws. @returns the exit code: 0, 1 (failed), 2 (usage or settings). */
export async function runCli(options: CliOptions): Promise<number> {
  const { output } = options
  try {
    return await dispatch(options)
  } catch (error) {
    const message = operatorMessage(error)
    output.error(`wesense-node: ${message ?? inspect(error)}\n`)
    return error instanceof CliError && error.code === 'USAGE' ? EXIT.usage : EXIT.failed
  }
}

async function dispatch(options: CliOptions): Promise<number> {
  const { words, switches, problems } = parseArguments(options.argv)
  const [first, ...rest] = words
  const name = first ?? (switches.has('version') ? 'version' : 'start')
  const command = COMMANDS.find((known) => known.name === name)
  if (switches.has('help') || name === 'help') {
    const usage = command !== undefined && first !== undefined ? commandUsage(command) : fullUsage()
    options.output.out(usage)
    return EXIT.ok
  }
  if (command === undefined) {
    // A flag that is not known leaves its value behind as the command.
    if (problems.length > 0) return report(options, problems)
    const shown = escapeRemote(name, 40)
    throw new CliError('USAGE', `"${shown}" is no command; "wesense-node --help" lists them`)
  }
  if (rest.length > 0 && command.isTakingWords !== true && problems.length === 0) {
    throw new CliError('USAGE', `${name} takes no words, only flags`)
  }
  const context: CommandContext = { ...options, words: rest, switches }
  if (command.needs === 'nothing') return await (await command.load()).run(context)

  const isCheckingFiles = command.needs === 'settings-and-files'
  const { argv, env, readTextFile } = options
  const loaded = loadSettings({ argv, env, readFile: readTextFile, isCheckingFiles })
  if (!loaded.ok) return report(options, loaded.problems)
  return await (await command.load()).run({ ...context, loaded })
}

function report({ output, argv }: CliOptions, problems: readonly string[]): number {
  if (parseArguments(argv).switches.has('json')) {
    output.out(`${JSON.stringify({ ok: false, problems })}\n`)
  } else {
    for (const problem of problems) output.error(`wesense-node: ${problem}\n`)
  }
  return EXIT.usage
}
