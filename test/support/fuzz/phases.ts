import { RAW_ATTACKS } from './raw.ts'
import { UDP_ATTACKS } from './raw-udp.ts'

/** What peers that are through with the handshake attack, by the protocols' names. */
const PROTOCOLS: Readonly<Record<string, RegExp>> = {
  identify: /\/id\/1\.0\.0$/,
  'identify push': /\/id\/push\/1\.0\.0$/,
  ping: /\/ping\/1\.0\.0$/,
  DHT: /\/kad\/1\.0\.0$/,
  gossip: /^\/meshsub\//,
  'relay hop': /\/relay\/0\.2\.0\/hop$/,
  'relay stop': /\/relay\/0\.2\.0\/stop$/,
  DCUtR: /\/dcutr$/,
  'AutoNAT dial-request': /\/dial-request$/,
  'AutoNAT dial-back': /\/dial-back$/,
  heads: /^\/orbitdb\/heads\//,
  'log transfer': /\/blocks\/1\.0\.0$/,
  bitswap: /\/bitswap\/1\.2\.0$/,
  'peer exchange': /\/peer-exchange\/1\.0\.0$/,
  pages: /\/pages\/1\.0\.0$/,
  parting: /\/part\/1\.0\.0$/,
}

/** Of these the node soon opens streams itself, to whoever says that it speaks them. */
const ASKED = ['gossip', 'heads', 'peer exchange'].map(answersOf)

/** Each has to be attacked, and not refused, at least once. */
export const PHASES: readonly string[] = [
  ...RAW_ATTACKS.map(({ phase }) => phase),
  ...UDP_ATTACKS.map(({ phase }) => phase),
  'peer over TCP',
  'peer over WebSocket',
  'peer over WebRTC',
  'yamux',
  'WebRTC handshake',
  'WebRTC noise',
  'WebRTC channels',
  ...Object.keys(PROTOCOLS),
  ...ASKED,
]

/** The phase that a protocol is; its own name where it is none of those that are known. */
export function phaseOf(protocol: string): string {
  return Object.entries(PROTOCOLS).find(([, of]) => of.test(protocol))?.[0] ?? protocol
}

/** What is answered to a node that asks. */
export function answersOf(phase: string): string {
  return `answers of ${phase}`
}
