import { duplexPair } from 'node:stream'

import {
  type Opening,
  type PipeConnection,
  PipeConnections,
} from '../../src/network/webrtc/pipe/connections.ts'

export const OPENING: Opening = {
  remotePeer: '12D3KooWGye2ZS2T9Es1P2eoJ9yKFEHKkrKw39GozsEGw3YJbARj',
  remoteAddr: '/ip4/203.0.113.7/udp/4005/webrtc-direct',
}

/** Both ends of the pipe between a node and its child, in one process. */
export function pipeEnds() {
  const [nodePipe, childPipe] = duplexPair()
  const opened: { readonly connection: PipeConnection; readonly opening: Opening }[] = []
  const words: unknown[] = []
  const onWord = (word: unknown) => void words.push(word)
  const node = new PipeConnections(nodePipe, {
    onOpen: (connection, opening) => void opened.push({ connection, opening }),
    onWord,
  })
  const child = new PipeConnections(childPipe, { onOpen: null, onWord })
  return { nodePipe, childPipe, node, child, opened, words }
}
