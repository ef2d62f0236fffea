import type { PeersReply } from '../api/types.ts'
import { askApiForObject } from './api-client.ts'
import { CliError } from './errors.ts'
import { brokenAt, COLUMNS, fit, formatDuration, table } from './format.ts'
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

/**
 * The lines of `peers`, within 100 columns. Neither a peer ID nor an address is cut, since one copies
 * them: an address that does not fit stands on a line of its own.
 */
function renderPeers({ peers }: PeersReply): string[] {
  if (peers.length === 0) return ['No peer is connected.']
  const addresses = peers.map((peer) => fit(shortAddress(peer.remote_address), 256))
  const rows = peers.map((peer, index) => {
    const address = addresses[index] ?? ''
    return [
      peer.peer_id,
      way(peer),
      formatDuration(peer.connected_seconds),
      peer.rtt_ms === null ? '-' : `${Math.round(peer.rtt_ms)} ms`,
      address.length > ADDRESS_WIDTH ? '' : address,
    ]
  })
  const [title = '', ...lines] = table(
    [
      { title: 'Peer', maxWidth: 52 },
      { title: 'Way', maxWidth: 10 },
      { title: 'For', maxWidth: 7, isRight: true },
      { title: 'Ping', maxWidth: 7, isRight: true },
      { title: 'Address', maxWidth: ADDRESS_WIDTH },
    ],
    rows,
  )
  const list = lines.flatMap((line, index) => {
    const address = addresses[index] ?? ''
    return address.length > ADDRESS_WIDTH ? [line, ...indented(address)] : [line]
  })
  return [title, ...list, summary(peers)]
}

/** What is left of 100 columns where the other ones have their usual width. */
const ADDRESS_WIDTH = 24

type Peer = PeersReply['peers'][number]

/** Who dialled whom; `client` is a page or the like, `other` a peer that is none of this network's. */
function way({
  direction,
  is_limited: isLimited,
  is_station: isStation,
  is_client: isClient,
}: Peer) {
  const base = direction === 'inbound' ? 'in' : 'out'
  if (!isStation) return `${base} ${isClient ? 'client' : 'other'}`
  return isLimited ? `${base} relay` : base
}

function indented(address: string): string[] {
  return brokenAt(address, COLUMNS - 4).map((part) => `    ${part}`)
}

function summary(peers: readonly Peer[]): string {
  const clients = peers.filter((peer) => peer.is_client).length
  const others = peers.filter((peer) => !peer.is_station && !peer.is_client).length
  const all = `${peers.length} connected`
  if (others + clients === 0) return `${all}, all of them stations`
  const parts = [
    ...(clients === 0 ? [] : [`${clients} of them clients`]),
    ...(others === 0 ? [] : [`${others} of them ("other") no stations of this network`]),
  ]
  return `${all}, ${parts.join(', ')}`
}

/**
 * `/ip4/1.2.3.4/tcp/4002/p2p/12D3...` -> `1.2.3.4:4002`, through a relay `via` the relay's address;
 * other shapes without the peer ID.
 */
function shortAddress(address: string): string {
  const [relay, circuit] = address.split('/p2p-circuit')
  if (relay !== undefined && circuit !== undefined) return `via ${shortAddress(relay)}`
  const plain =
    /^\/(ip4|ip6|dns[46]?)\/([^/]+)\/tcp\/(\d+)((?:\/tls)?\/wss?)?(?:\/p2p\/[^/]+)?$/.exec(address)
  if (plain === null) return address.replace(/\/p2p\/[^/]+$/, '')
  const [, kind, host, port, socket = ''] = plain
  const suffix = socket === '' ? '' : socket === '/ws' ? ' ws' : ' wss'
  return `${kind === 'ip6' ? `[${host}]` : host}:${port}${suffix}`
}
