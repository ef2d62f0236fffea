import { settingsHelp } from '../config/index.ts'
import { COMMANDS, type Command } from './commands.ts'

const FLAGS = [
  ['--help, -h', 'This text; after a command, about that command.'],
  ['--json', 'Output for programs.'],
  ['--dotenv <path>', 'Read settings from this file instead of .env.'],
  ['--version, -V', 'Print the version.'],
] as const

/** The whole of `--help`. */
export function fullUsage(): string {
  const commands = COMMANDS.map(({ usage, summary }) => `  ${usage}\n      ${summary}`)
  const flags = FLAGS.map(([flag, text]) => `  ${flag.padEnd(20)}${text}`)
  return `${[
    'Usage: wesense-node [command] [flags]',
    '',
    ...commands,
    '',
    ...flags,
    '',
    ...settingsUsage(),
  ].join('\n')}\n`
}

function settingsUsage(): string[] {
  return [
    'Settings. Each is also an environment variable: --libp2p-port is LIBP2P_PORT. Flags win over',
    'environment, over .env, over default. docs/configuration.md says what each one costs.',
    '',
    settingsHelp(),
  ]
}

/** `--help` after a command. `npm start -- --help` is the start command's, so that one has the settings. */
export function commandUsage(command: Command): string {
  return `${[
    `Usage: wesense-node ${command.usage} [flags]`,
    '',
    command.summary,
    ...(command.details.length === 0 ? [] : ['', ...command.details]),
    '',
    ...(command.name === 'start'
      ? settingsUsage()
      : ['All flags and settings: wesense-node --help']),
  ].join('\n')}\n`
}
