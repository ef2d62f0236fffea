import type { NodeStatus } from '../api/types.ts'
import { askApiForObject } from './api-client.ts'
import { CliError } from './errors.ts'
import { field, formatBytes, formatDuration, table } from './format.ts'
import { EXIT, type SettingsContext } from './types.ts'

/** What the running node is and does: role, addresses, connections, registry, memory. */
export async function run(context: SettingsContext): Promise<number> {
  const body = await askApiForObject(context.loaded.settings, '/status')
  if (context.switches.has('json')) {
    context.output.out(`${JSON.stringify(body, null, 2)}\n`)
    return EXIT.ok
  }
  context.output.out(`${renderStatus(asStatus(body)).join('\n')}\n`)
  return EXIT.ok
}

/** The node is of the same installation, so its answer has our shape; a stranger's has not. */
function asStatus(body: object): NodeStatus {
  const needed = ['version', 'peer_id', 'ready', 'roles', 'addresses', 'connections', 'registry']
  if (needed.every((name) => name in body)) return body as NodeStatus
  throw new CliError('BAD_ANSWER', 'The node answers in another form: is it of another version?')
}

/** The lines of `status`, within 100 columns. */
export function renderStatus(status: NodeStatus): string[] {
  const { bootstrap, relay } = status.roles
  const { connections, discovery, memory, event_loop: loop } = status
  // The peer ID stands in the first line; without it, an address fits and can be copied.
  const bare = (address: string) => address.replace(`/p2p/${status.peer_id}`, '')
  const on = Object.entries(discovery).flatMap(([name, isOn]) =>
    isOn ? [name.replaceAll('_', '-')] : [],
  )
  return [
    ...field('Peer', status.peer_id),
    ...field(
      'Node',
      `wesense-node ${status.version}, network ${status.network}, up ` +
        formatDuration(status.uptime_seconds),
    ),
    ...field('Ready', readyLines(status)),
    ...field('Bootstrap', `${bootstrap.is_bootstrap ? 'yes' : 'no'}: ${bootstrap.reason}`),
    ...field('Relay', relay.enabled ? 'yes' : 'no: RELAY_ENABLED is false'),
    ...field('Announces', status.addresses.announce.map(bare)),
    ...field('Listens', status.addresses.listen.map(bare)),
    ...field('Seeds', status.seeds.map(seedLine)),
    ...field(
      'Connected',
      `${connections.total} of at most ${connections.limit} (${connections.inbound} inbound, ` +
        `${connections.outbound} outbound), ${connections.stations} stations`,
    ),
    ...field('Discovery', on.length === 0 ? 'off' : on.join(', ')),
    ...field(
      'Memory',
      `${formatBytes(memory.rss_bytes)} in all, heap ${formatBytes(memory.heap_used_bytes)} of ` +
        formatBytes(memory.heap_limit_bytes) +
        (memory.memory_limit_bytes === null
          ? ''
          : `, may use ${formatBytes(memory.memory_limit_bytes)}`),
    ),
    ...field('Event loop', `p99 ${round(loop.p99_ms)} ms, longest ${round(loop.max_ms)} ms`),
    ...field('Warnings', status.warnings),
    '',
    ...registryLines(status),
  ]
}

function readyLines({ ready }: NodeStatus): string[] {
  if (ready.ok) return ['yes']
  const failed = ready.checks.filter((check) => !check.ok)
  return failed.map((check, index) => `${index === 0 ? 'no: ' : ''}${check.name}: ${check.detail}`)
}

function seedLine(seed: NodeStatus['seeds'][number]): string {
  const error = seed.last_error === null ? '' : `: ${seed.last_error}`
  return `${seed.seed} ${seed.state}${error}`
}

function registryLines({ registry }: NodeStatus): string[] {
  const rows = registry.databases.map((database) => [
    database.name,
    String(database.records),
    String(database.heads),
    String(database.entries_joined),
    rejectionText(database.rejections),
    database.address,
  ])
  const right = { maxWidth: 10, isRight: true }
  const lines = table(
    [
      { title: 'Registry', maxWidth: 16 },
      { title: 'Records', ...right },
      { title: 'Heads', ...right },
      { title: 'Joined', ...right },
      { title: 'Rejected', maxWidth: 30 },
      { title: 'Address', maxWidth: 80 },
    ],
    rows,
  )
  if (registry.disk_bytes !== null) lines.push(`${formatBytes(registry.disk_bytes)} on disk`)
  return lines
}

function rejectionText(rejections: Readonly<Record<string, number>>): string {
  const parts = Object.entries(rejections).filter(([, count]) => count > 0)
  return parts.length === 0 ? '0' : parts.map(([reason, count]) => `${count} ${reason}`).join(' ')
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10
}
