import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import type { Attacker, AttackerOptions } from './attackers.ts'
import type { AttackedPlace, FuzzedNode } from './target.ts'
import { Trail } from './trail.ts'

const SCRIPT = fileURLToPath(new URL('webrtc-process.ts', import.meta.url))
const LOOK_MS = 100
/** For what is under way to end, and its channels to be closed. */
const STOP_MS = 4000

/** What the process tells: a case that the node let happen, or what is sent. */
export type WebRtcReport = { readonly phase: string } | { readonly line: string }

/**
 * Attacks over WebRTC, in a process of their own: the native library may end the process that it is in, or keep it
 * running. One that ends before its time is followed by another.
 */
export function attackOverWebRtc(node: FuzzedNode, options: AttackerOptions): Attacker {
  const { name, isOver } = options
  const trail = new Trail(name)
  const run = async () => {
    while (!isOver()) await attackOnce(node, options, trail)
  }
  return { trail, done: run() }
}

async function attackOnce(
  { webRtcAddress, networkName, networkKey, logs }: FuzzedNode,
  { random, isOver, count }: AttackerOptions,
  trail: Trail,
): Promise<void> {
  if (webRtcAddress === null) throw new Error('nobody listens for WebRTC')
  const place: AttackedPlace = { addresses: [webRtcAddress], networkName, networkKey, logs }
  const child = fork(SCRIPT, [String(random.int(0, 2 ** 32 - 1)), JSON.stringify(place)], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const ended = once(child, 'exit')
  child.on('message', (report: WebRtcReport) => {
    if ('phase' in report) count(report.phase)
    else trail.add(report.line)
  })
  const stop = () => {
    if (!isOver()) return
    clearInterval(timer)
    if (child.connected) child.send('stop')
    killing = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  }
  let killing: NodeJS.Timeout | undefined
  const timer = setInterval(stop, LOOK_MS)
  try {
    await ended
    if (!isOver()) trail.add(`its process ended with ${endOf(child)}`)
  } finally {
    clearInterval(timer)
    clearTimeout(killing)
  }
}

function endOf({ exitCode, signalCode }: ChildProcess): string {
  return String(exitCode ?? signalCode)
}
