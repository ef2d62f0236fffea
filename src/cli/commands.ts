import type { CommandContext, SettingsContext } from './types.ts'

interface CommandBase {
  readonly name: string
  readonly usage: string
  readonly summary: string
  /** What `--help` after the command says besides: lines within 100 columns. */
  readonly details: readonly string[]
  /** Whether words may follow the name. @default false */
  readonly isTakingWords?: boolean
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
    details: [
      'Stops on SIGTERM or Ctrl-C within 10 s, exit code 0. Exit code 1: it could not start; 2: wrong',
      'settings. Either way the reason is one line on the error output.',
    ],
    needs: 'settings-and-files',
    load: () => import('./start.ts'),
  },
  {
    name: 'health',
    usage: 'health',
    summary: 'Ask the running node whether it works: one line, exit code 0 or 1.',
    details: [
      'Exit code 0: it works, even while no seed can be reached (that is said). Exit code 1: it does',
      'not answer, or something of its own is missing. It asks http://127.0.0.1:PORT, API_HOST if set.',
    ],
    needs: 'settings',
    load: () => import('./health.ts'),
  },
  {
    name: 'status',
    usage: 'status',
    summary: 'Show role, addresses, seeds, connections, registry and memory of the running node.',
    details: [
      'Ready: whether it can do its work. Bootstrap: whether others can join through it. Log: entries',
      'of the epochs that are open. Rejected: since the start. With --json, everything.',
    ],
    needs: 'settings',
    load: () => import('./status.ts'),
  },
  {
    name: 'peers',
    usage: 'peers',
    summary: 'List who is connected to the running node.',
    details: [
      'Way: in or out, by who dialled; relay: through a relay; client: a page in a browser; other: no',
      'station of this network.',
      'For: how long connected. Ping: the last round trip, measured every 30 s.',
    ],
    needs: 'settings',
    load: () => import('./peers.ts'),
  },
  {
    name: 'relay',
    usage: 'relay show',
    summary: 'Show whom the running node relays for, how much, and what it refuses.',
    details: [
      'show      Reservations, open circuits, the peers with most bytes, limits, the month and its quota.',
      'Since: how long the place is held. Left: until it has to be renewed; away: not connected now.',
      'Other nodes are told none of this but how full the relay is, in quarters (docs/relay.md).',
    ],
    isTakingWords: true,
    needs: 'settings',
    load: () => import('./relay.ts'),
  },
  {
    name: 'bans',
    usage: 'bans list | add PEER | lift PEER',
    summary: 'Show whom the running node keeps out and why, ban and let in again.',
    details: [
      'list [--all]     Who, by a rule or by the operator, since when, how long still, how often, why.',
      '                 With --all, peers with points too: 100 are too many, half fade in ten minutes.',
      'add PEER|IP|CIDR [--for 7d] [--why TEXT]',
      '                 Disconnect it and keep it out until it is lifted, or for 90s, 30m, 12h, 7d, 2w.',
      'lift PEER|IP|CIDR|all',
      '                 Let it in again, whoever banned it; what it did is forgotten.',
    ],
    isTakingWords: true,
    needs: 'settings',
    load: () => import('./bans.ts'),
  },
  {
    name: 'identity',
    usage: 'identity show | export | import FILE [--force]',
    summary: "Show, save or restore the key that makes this node's peer ID.",
    details: [
      'show      The peer ID and where its key lies.',
      'export    The key as text, to be kept secret: identity export > saved-key',
      'import    Puts such a key in place, of a file or (-) the standard input; the node is stopped.',
      '          A key that is there already is replaced with --force only, and kept as a backup.',
    ],
    isTakingWords: true,
    needs: 'settings',
    load: () => import('./identity.ts'),
  },
  {
    name: 'registry',
    usage: 'registry verify [FILE] | export FILE [--force] | import FILE',
    summary: 'Check, save or restore what the registry holds.',
    details: [
      'verify    A snapshot file with nothing but the file, or without one the stores of the stopped',
      '          node: exit code 0, or 1 and what is wrong.',
      'export    A signed snapshot of every log, of the node that runs or of the one that is stopped.',
      '          A file that is there already is replaced with --force only.',
      'import    Adds what a snapshot of the same network has to the stopped node, or to a new one;',
      '          nothing is removed, and every entry is judged as one from a peer is.',
    ],
    isTakingWords: true,
    needs: 'settings',
    load: () => import('./registry.ts'),
  },
  {
    name: 'trust',
    usage: 'trust list | add | revoke | vouch | why | verify ...',
    summary: 'Show and govern which keys of ingesters count (docs/trust.md).',
    details: [
      'list                                    The keys that count, authorities, whom they vouch for.',
      'add INGESTER PUBLIC_KEY [--version N]   State a key (base64); a new key takes a new version.',
      'revoke INGESTER [--version N]           Revoke its keys, or the one of that version, for good.',
      'vouch PEER_ID [revoke | delete]         As an authority, let that station speak for ingesters.',
      'why INGESTER | PEER_ID                  Who states what, which of it counts, by which rule.',
      'verify FILE                             Check what "why ... --json" wrote, without any node.',
    ],
    isTakingWords: true,
    needs: 'settings',
    load: () => import('./trust.ts'),
  },
  {
    name: 'config',
    usage: 'config show | check',
    summary: 'Show every setting with its source, or check whether a start would accept them.',
    details: [
      'show      Each setting, its value, and whether flag, environment, file or default gave it.',
      'check     What a start would say: exit code 0, or 2 and every problem on a line.',
    ],
    isTakingWords: true,
    needs: 'settings-and-files',
    load: () => import('./config.ts'),
  },
  {
    name: 'version',
    usage: 'version',
    summary: 'Print the version.',
    details: [],
    needs: 'nothing',
    load: () => import('./version.ts'),
  },
]
