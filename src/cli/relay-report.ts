import type { RelayReply } from '../api/types.ts'
import { field, fit, formatDuration, formatTraffic, table } from './format.ts'

type Hop = NonNullable<RelayReply['hop']>
type Client = Hop['circuits'][number]['source']

/** Lines of a list; the rest is in `--json`. */
const SHOWN = 20
const PEER_ID = 52
const HOST = 39
const RIGHT = { maxWidth: 9, isRight: true }

/** The lines of `relay show`, within 100 columns; peer IDs are not cut, since one copies them. */
export function renderRelay({ hop, stun }: RelayReply, now: Date): string[] {
  if (hop === null) return ['This node is no relay: RELAY_ENABLED is false.']
  return [
    ...summary(hop, now),
    ...field('STUN', stunLine(stun)),
    ...section(reservations(hop), hop.reservations.length),
    ...section(circuits(hop), hop.circuits.length),
    ...section(talkers(hop), 0),
  ]
}

function summary(hop: Hop, now: Date): string[] {
  const { limits } = hop
  return [
    ...field('Relay', `yes: policy ${hop.policy}`),
    ...field('Reserved', placesLine(hop.reservations, limits.reservations)),
    ...field('Circuits', placesLine(hop.circuits, limits.circuits)),
    ...field('Clients', clientsLine(hop)),
    ...field('This month', monthLine(hop.month, now)),
    ...field('Rates', rateLine(limits)),
    ...field('A circuit', circuitLine(limits)),
    ...field('Refused', countLine(hop.refused)),
    ...field('Ended', countLine(hop.circuits_ended)),
  ]
}

type Placed = readonly { readonly class: 'member' | 'client' }[]

function countOf(all: Placed, wanted: Placed[number]['class']): number {
  return all.filter((one) => one.class === wanted).length
}

function placesLine(all: Placed, limit: number): string {
  return `${countOf(all, 'member')} of at most ${limit}`
}

/** Pages in browsers and the like. */
function clientsLine({ reservations, circuits, limits: { clients: limits } }: Hop): string {
  if (limits === null) return 'no places of their own'
  const reserved = `${countOf(reservations, 'client')} of at most ${limits.reservations} reserved`
  return `${reserved}, ${countOf(circuits, 'client')} of ${limits.circuits} circuits`
}

function stunLine(stun: RelayReply['stun']): string {
  if (stun === null) return 'not served'
  return `${stun.listening.join(', ')} (UDP): ${stun.answered} answered, ${stun.refused} refused`
}

/** What has been passed on, and until when that counts. */
export function monthLine(
  { bytes, quota_bytes: quota, left_bytes: left }: Hop['month'],
  now: Date,
) {
  if (quota === null || left === null) return `${formatTraffic(bytes)} passed on, no quota`
  const next = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1))
  const until = next.toISOString().slice(0, 10)
  const used = `${formatTraffic(bytes)} of ${formatTraffic(quota)} passed on`
  return left > 0 ? `${used}, ${formatTraffic(left)} left` : `${used}: paused until ${until} UTC`
}

function rateLine(limits: Hop['limits']): string {
  const rates = [
    ['in all', limits.total_bytes_per_second],
    ['a host', limits.host_bytes_per_second],
    ['a circuit', limits.circuit_bytes_per_second],
  ] as const
  return rates.map(([what, rate]) => `${formatRate(rate)} ${what}`).join(', ')
}

/** In bits, by 1000. */
function formatRate(bytesPerSecond: number | null): string {
  if (bytesPerSecond === null) return 'no limit'
  const kilobits = (bytesPerSecond * 8) / 1000
  if (kilobits < 1000) return `${Math.round(kilobits)} kbit/s`
  const megabits = kilobits / 1000
  return `${megabits < 10 ? megabits.toFixed(1) : Math.round(megabits)} Mbit/s`
}

function circuitLine({ circuit_seconds: seconds, circuit_bytes: bytes }: Hop['limits']): string {
  const time = seconds === 0 ? 'any time' : `${formatDuration(seconds)} at most`
  const size = bytes === 0 ? 'any size' : `${formatTraffic(bytes)} in each direction`
  return `${time}, ${size}`
}

function countLine(counts: Readonly<Record<string, number>>): string {
  const most = Object.entries(counts).sort(([, a], [, b]) => b - a)
  if (most.length === 0) return 'none since the start'
  return most.map(([reason, count]) => `${count} ${reason}`).join(', ')
}

function section(lines: readonly string[], count: number): string[] {
  if (lines.length === 0) return []
  const more = count - SHOWN
  return ['', ...lines, ...(more > 0 ? [`and ${more} more: --json has them all`] : [])]
}

function reservations({ reservations: all }: Hop): string[] {
  if (all.length === 0) return []
  return table(
    [
      { title: 'Reserved by', maxWidth: PEER_ID },
      { title: 'As', maxWidth: 6 },
      { title: 'Since', ...RIGHT },
      { title: 'Left', ...RIGHT },
      { title: 'From', maxWidth: HOST },
    ],
    all
      .slice(0, SHOWN)
      .map((one) => [
        one.peer_id,
        one.class,
        formatDuration(one.held_seconds),
        one.connected ? formatDuration(one.expires_in_seconds) : 'away',
        one.host,
      ]),
  )
}

/** Two IDs do not fit on one line. */
function circuits({ circuits: all }: Hop): string[] {
  if (all.length === 0) return []
  const lines = all.slice(0, SHOWN).flatMap((circuit) => {
    const { source, destination, open_seconds: seconds } = circuit
    const sent = (bytes: number) => formatTraffic(bytes).padStart(7)
    return [
      `   ${clientText(source)}  ${sent(circuit.bytes_to_destination)}  ${formatDuration(seconds)}`,
      `-> ${clientText(destination)}  ${sent(circuit.bytes_to_source)}`,
    ]
  })
  return ['Circuits: who opened it, to whom, what each sent, how long ago', ...lines]
}

function clientText({ peer_id: peerId, host }: Client): string {
  return `${fit(peerId, PEER_ID).padEnd(PEER_ID)}  ${fit(host, 20).padEnd(20)}`
}

function talkers({ talkers: all }: Hop): string[] {
  if (all.length === 0) return []
  return table(
    [
      { title: 'Most bytes since the start', maxWidth: PEER_ID },
      { title: 'Sent', ...RIGHT },
      { title: 'Got', ...RIGHT },
      { title: 'From', maxWidth: HOST },
    ],
    all.map((one) => [
      one.peer_id,
      formatTraffic(one.bytes_sent),
      formatTraffic(one.bytes_received),
      one.host,
    ]),
  )
}
