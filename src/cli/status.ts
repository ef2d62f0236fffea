import type { NodeStatus } from '../api/types.ts'
import { wrapText } from '../config/index.ts'
import { askApiForObject } from './api-client.ts'
import { CliError } from './errors.ts'
import { COLUMNS, field, fit, formatBytes, formatDuration, table } from './format.ts'
import { reachedLines } from './reachability-report.ts'
import { monthLine } from './relay-report.ts'
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
  const needed = [
    'version',
    'peer_id',
    'ready',
    'roles',
    'addresses',
    'reachability',
    'connections',
    'registry',
  ]
  if (needed.every((name) => name in body)) return body as NodeStatus
  throw new CliError('BAD_ANSWER', 'The node answers in another form: is it of another version?')
}

/** The lines of `status`, within 100 columns. */
export function renderStatus(status: NodeStatus): string[] {
  const { bootstrap, relay } = status.roles
  const { connections, discovery, memory, event_loop: loop } = status
  // The peer ID stands in the first line; without it, an address fits and can be copied.
  const bare = (address: string) => address.replace(`/p2p/${status.peer_id}`, '')
  return [
    ...field('Peer', status.peer_id),
    ...field(
      'Node',
      `wesense-node ${status.version}, network ${status.network}, up ` +
        formatDuration(status.uptime_seconds),
    ),
    ...field('Ready', readyLines(status)),
    ...field('Bootstrap', `${bootstrap.is_bootstrap ? 'yes' : 'no'}: ${bootstrap.reason}`),
    ...field('Relay', relayLine(relay)),
    ...field('Announces', status.addresses.announce.map(bare)),
    ...field('Listens', status.addresses.listen.map(bare)),
    ...(status.public_http == null ? [] : field('Public HTTP', publicLines(status.public_http))),
    ...(status.tls == null ? [] : field('TLS', tlsLines(status.tls))),
    ...field('Reached', reachedLines(status.reachability)),
    ...field('Seeds', status.seeds.map(seedLine)),
    ...field('Connected', [
      `${connections.total} of at most ${connections.limit} (${connections.inbound} inbound, ` +
        `${connections.outbound} outbound), ${connections.stations} stations; "peers" lists them`,
      placesLine(connections),
    ]),
    ...field('Discovery', discoveryLine(discovery)),
    ...field('Registry', registryLine(status)),
    ...field('Memory', memoryLine(memory)),
    ...field('Event loop', `p99 ${round(loop.p99_ms)} ms, longest ${round(loop.max_ms)} ms`),
    ...field('Warnings', status.warnings.length === 0 ? 'none' : status.warnings),
    '',
    ...databaseLines(status),
  ]
}

function relayLine({ hop }: NodeStatus['roles']['relay']): string {
  if (hop === null) return 'no: RELAY_ENABLED is false'
  const { reservations, circuits, month } = hop
  return (
    `yes: ${reservations} of ${hop.reservations_limit} reservations, ${circuits} of ` +
    `${hop.circuits_limit} circuits, ${monthLine(month, new Date())}; "relay show" has more`
  )
}

function publicLines(http: NonNullable<NodeStatus['public_http']>): string[] {
  const endpoints = http.endpoints.map(
    ({ name, restricted, clients, requests }) =>
      `${name}${restricted ? ' (restricted)' : ''}: ${requests} requests of ${clients} clients ` +
      'in the last hour',
  )
  const most = http.top.slice(0, 3).map(({ client, requests }) => `${client} (${requests})`)
  return [
    `${http.secure ? 'https' : 'http'} on ${http.host} port ${http.port}`,
    ...endpoints,
    ...(most.length === 0 ? [] : [`most by ${most.join(', ')}`]),
  ]
}

function tlsLines(tls: NonNullable<NodeStatus['tls']>): string[] {
  const names = tls.names.length === 0 ? 'no name' : tls.names.join(', ')
  const time = `${tls.expired ? 'expired at' : 'until'} ${tls.valid_until}`
  const lines = [`certificate for ${fit(names, 200)}, ${time}`]
  return tls.problem === null ? lines : [...lines, `not served: ${tls.problem}`]
}

function placesLine(connections: NodeStatus['connections']): string {
  const { known, kept_free: kept } = connections
  return `${known} with known stations, ${kept} more kept for such`
}

function readyLines({ ready }: NodeStatus): string[] {
  if (ready.ok) return ['yes']
  const failed = ready.checks.filter((check) => !check.ok)
  return failed.map((check, index) => `${index === 0 ? 'no: ' : ''}${check.name}: ${check.detail}`)
}

/** A reached seed's peer ID is what one pins. */
function seedLine({ seed, state, peer_id: peerId, last_error: error }: Seed): string {
  if (error !== null) return `${state}: ${seed} (${error})`
  const isNews = state === 'connected' && peerId !== null && !seed.includes(peerId)
  return isNews ? `${state}: ${seed}, ${peerId}` : `${state}: ${seed}`
}

type Seed = NodeStatus['seeds'][number]

function discoveryLine(discovery: NodeStatus['discovery']): string {
  const named = (isWanted: boolean) =>
    Object.entries(discovery).flatMap(([name, isOn]) =>
      isOn === isWanted ? [name.replaceAll('_', '-')] : [],
    )
  const [on, off] = [named(true), named(false)]
  const parts = [on.join(', '), off.length === 0 ? '' : `off: ${off.join(', ')}`]
  return parts.filter((part) => part !== '').join('; ')
}

function registryLine({ registry }: NodeStatus): string {
  const records = registry.databases.reduce((sum, database) => sum + database.records, 0)
  const disk = registry.disk_bytes === null ? '' : `, ${formatBytes(registry.disk_bytes)} on disk`
  return `${records} ${records === 1 ? 'record' : 'records'}${disk}, epoch ${registry.epoch}`
}

function memoryLine(memory: NodeStatus['memory']): string {
  const limit = memory.memory_limit_bytes
  return (
    `${formatBytes(memory.rss_bytes)}${limit === null ? '' : ` of ${formatBytes(limit)}`}, heap ` +
    `${formatBytes(memory.heap_used_bytes)} of ${formatBytes(memory.heap_limit_bytes)}`
  )
}

function databaseLines({ registry }: NodeStatus): string[] {
  const total = (counts: Readonly<Record<string, number>>) =>
    Object.values(counts).reduce((sum, count) => sum + count, 0)
  const right = { maxWidth: 10, isRight: true }
  const lines = table(
    [
      { title: 'Database', maxWidth: 16 },
      { title: 'Records', ...right },
      { title: 'Log', ...right },
      { title: 'Heads', ...right },
      { title: 'Rejected', ...right },
      { title: 'Address', maxWidth: 80 },
    ],
    registry.databases.map((database) => [
      database.name,
      String(database.records),
      String(database.log_entries),
      String(database.heads),
      String(total(database.rejections)),
      // With its prefix it would be cut, and nobody could compare it.
      database.address.replace(/^\/orbitdb\//, ''),
    ]),
  )
  const rejections = registry.databases.flatMap(({ name, rejections }) => {
    const parts = Object.entries(rejections).filter(([, count]) => count > 0)
    if (parts.length === 0) return []
    const text = parts.map(([reason, count]) => `${count} ${reason}`).join(', ')
    return wrapText(fit(`${name} rejected: ${text}`, 400), COLUMNS)
  })
  return [...lines, ...rejections]
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10
}
