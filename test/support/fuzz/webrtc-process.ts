/** Attacks a node over WebRTC until it is told to stop; see `webrtc-attackers.ts`. */
import { webRTCDirect } from '@libp2p/webrtc'

import { type AttackerOptions, attackAsPeers, repeat, type Way } from './attackers.ts'
import { SeededRandom } from './random.ts'
import type { AttackedPlace } from './target.ts'
import type { WebRtcReport } from './webrtc-attackers.ts'
import { attackChannel } from './webrtc-channels.ts'
import { attackHandshake } from './webrtc-handshakes.ts'

const CHANNELS_AT_ONCE = 6

const [seed = '', place = ''] = process.argv.slice(2)
const random = new SeededRandom(Number(seed))
const attacked = JSON.parse(place) as AttackedPlace
let isOver = false
const report = (one: WebRtcReport) => process.send?.(one)

const way: Way = {
  transports: [webRTCDirect({ rtcConfiguration: { iceServers: [] } })],
  attackBelow: async (connection, means) => {
    for (let i = 0; i < CHANNELS_AT_ONCE && connection.status === 'open'; i += 1) {
      if ((await attackChannel(connection, means.random)) !== null) means.count('WebRTC channels')
    }
  },
}

function optionsOf(name: string): AttackerOptions {
  return {
    name,
    random: random.fork(),
    isOver: () => isOver,
    count: (phase) => report({ phase }),
    onLine: (line) => report({ line }),
  }
}

// What a node under attack does to a channel of ours shows up anywhere in the libraries.
process.on('uncaughtException', () => {})
process.on('unhandledRejection', () => {})
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

process.on('message', () => {
  isOver = true
})

const [address = ''] = attacked.addresses
const attackers = [
  attackAsPeers(attacked, optionsOf('peers'), way),
  repeat(optionsOf('handshakes'), (means) => attackHandshake(address, means)),
]
await Promise.all(attackers.map(({ done }) => done))
// Not by itself, should the native library have left something.
process.exit()
