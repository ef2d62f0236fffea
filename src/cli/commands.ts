import type { CommandContext, SettingsContext } from './types.ts'

interface CommandBase {
  readonly name: string
  readonly usage: string
  readonly summary: string
}

/** A command that reads settings; `isCheckingFiles`: the files they name as well. */
interface SettingsCommand extends CommandBase {
  readonly needs: 'settings' | 'settings-and-files'
  load(): Promise<{ run(context: SettingsContext): Promise<number> }>
}

interface PlainCommand extends CommandBase {
  readonly needs: 'nothing'
  load(): Promise<{ run(context: CommandContext): Promise<number> }>
}

export type Command = SettingsCommand | PlainCommand

/** Each is loaded when it is called: a health check should not load a database. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'start',
    usage: 'start',
    summary: 'Run the node (this is also what happens with no command).',
    needs: 'settings-and-files',
    load: () => import('./start.ts'),
  },
  {
    name: 'health',
    usage: 'health',
    summary: 'Ask the running node whether it works: one line, exit code 0 or 1.',
    needs: 'settings',
    load: () => import('./health.ts'),
  },
  {
    name: 'status',
    usage: 'status',
    summary: 'Show role, addresses, seeds, connections, registry and memory of the running node.',
    needs: 'settings',
    load: () => import('./status.ts'),
  },
  {
    name: 'peers',
    usage: 'peers',
    summary: 'List who is connected to the running node.',
    needs: 'settings',
    load: () => import('./peers.ts'),
  },
  {
    name: 'identity',
    usage: 'identity show | export | import FILE [--force]',
    summary: "Show, save or restore the key that makes this node's peer ID.",
    needs: 'settings',
    load: () => import('./identity.ts'),
  },
  {
    name: 'config',
    usage: 'config show | check',
    summary: 'Show every setting with its source, or check whether a start would accept them.',
    needs: 'settings-and-files',
    load: () => import('./config.ts'),
  },
  {
    name: 'version',
    usage: 'version',
    summary: 'Print the version.',
    needs: 'nothing',
    load: () => import('./version.ts'),
  },
]
