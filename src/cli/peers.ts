import type { PeersReply } from '../api/types.ts'
import { askApiForObject } from './api-client.ts'
import { CliError } from './errors.ts'
import { formatDuration, table } from './format.ts'
import { EXIT, type SettingsContext } from './types.ts'

/** Who is connected: one line a peer. */
export async function run(context: SettingsContext): Promise<number> {
  const body = await askApiForObject(context.loaded.settings, '/peers')
  if (context.switches.has('json')) {
    context.output.out(`${JSON.stringify(body, null, 2)}\n`)
    return EXIT.ok
  }
  if (!('peers' in body) || !Array.isArray(body.peers)) {
    throw new CliError('BAD_ANSWER', 'The node answers in another form: is it of another version?')
  }
  context.output.out(`${renderPeers(body as PeersReply).join('\n')}\n`)
  return EXIT.ok
}

/** The lines of `peers`, within 100 columns; the peer ID is never cut, it is what one copies. */
export function renderPeers({ peers }: PeersReply): string[] {
  if (peers.length === 0) return ['No peer is connected.']
  const rows = peers.map((peer) => [
    peer.peer_id,
    `${peer.direction === 'inbound' ? 'in' : 'out'}${peer.is_limited ? ' relayed' : ''}`,
    formatDuration(peer.connected_seconds),
    peer.rtt_ms === null ? '-' : `${Math.round(peer.rtt_ms)} ms`,
    peer.is_station ? 'yes' : 'no',
    shortAddress(peer.remote_address),
  ])
  const stations = peers.filter((peer) => peer.is_station).length
  return [
    ...table(
      [
        { title: 'Peer', maxWidth: 52 },
        { title: 'Way', maxWidth: 11 },
        { title: 'For', maxWidth: 7 },
        { title: 'Ping', maxWidth: 8, isRight: true },
        { title: 'Stn', maxWidth: 3 },
        { title: 'Address', maxWidth: 60 },
      ],
      rows,
    ),
    `${peers.length} connected, ${stations} stations`,
  ]
}

/** `/ip4/1.2.3.4/tcp/4002/p2p/12D3...` -> `1.2.3.4:4002`; other shapes without the peer ID. */
function shortAddress(address: string): string {
  const plain = /^\/ip([46])\/([^/]+)\/tcp\/(\d+)(?:\/p2p\/[^/]+)?$/.exec(address)
  if (plain === null) return address.replace(/\/p2p\/[^/]+$/, '')
  const [, version, host, port] = plain
  return version === '6' ? `[${host}]:${port}` : `${host}:${port}`
}
