import { isIP } from 'node:net'
import { accept, type Kind, refuse } from './kinds.ts'
import { isPeerId } from './peer-id.ts'

/** An address to listen on; `localhost` is taken as the IPv4 loopback address. */
export const apiHost: Kind<string> = {
  label: 'IP address',
  parse: (text) => {
    if (text === 'localhost') return accept('127.0.0.1')
    const host = text.replace(/^\[(.*)\]$/, '$1')
    return isIP(host) === 0 || host.includes('%')
      ? refuse('must be an IP address to listen on')
      : accept(host)
  },
  format: (value) => value,
  refused: ['example.org', '256.0.0.1', '127.0.0.1:5200'],
}

/** The peer ID of a station: its Ed25519 key, as `wesense-node identity show` prints it. */
export const stationId: Kind<string> = {
  label: 'peer ID',
  parse: (text) =>
    text.startsWith('12D3KooW') && isPeerId(text)
      ? accept(text)
      : refuse('must be the peer ID of a station, which begins with 12D3KooW'),
  format: (value) => value,
  refused: ['12D3KooWshort', 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N', 'example.org'],
}

/** POSIX rules such as `NZST-12NZDT`, and `:/etc/localtime` as some systems set it. */
const POSIX_ZONE = /^(:[\w/+.-]+|[A-Za-z]{3,}[+-]?\d[\w:,./+-]*)$/

export const timeZone: Kind<string> = {
  label: 'time zone name',
  parse: (text) =>
    text.length <= 128 && (isIanaZone(text) || POSIX_ZONE.test(text))
      ? accept(text)
      : refuse('must be a time zone such as Pacific/Auckland'),
  format: (value) => value,
  refused: ['Middle/Earth', 'x'.repeat(129)],
}

function isIanaZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return true
  } catch {
    return false
  }
}
