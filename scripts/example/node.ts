import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

import { BUNDLE, NODE } from '../lib/ensure.mjs'

const READY_MS = 60_000
const STOP_MS = 10_000
const LOOPBACK = '127.0.0.1'

/** Whatever else runs here is left alone: free ports, no multicast, no seeds. */
const ENV: Readonly<Record<string, string>> = {
  LIBP2P_HOST: LOOPBACK,
  LIBP2P_PORT: '0',
  WS_PORT: '0',
  PORT: '0',
  PUBLIC_PORT: '0',
  PUBLIC_HOST: LOOPBACK,
  STUN_PORT: 'none',
  MDNS_ENABLED: 'false',
  RELAY_ENABLED: 'true',
  RELAY_POLICY: 'open',
  LOG_FORMAT: 'json',
}

export interface ExampleNode {
  readonly apiUrl: string
  /** For `connect()` in the page. */
  readonly pageOptions: Readonly<Record<string, unknown>>
  /** Resolves with what it said when it ends by itself. */
  readonly ended: Promise<string>
  stop(): Promise<void>
}

/** Runs the built node in a folder. @throws with what it said when it does not get ready */
export async function startNode(cwd: string): Promise<ExampleNode> {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(NODE, [BUNDLE, 'start'], {
    cwd,
    env: { PATH, HOME, ...ENV },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  const lines = new Map<string, Record<string, unknown>>()
  const exited = once(child, 'exit')
  const ended = exited.then(() => `The node ended:\n${said}`)
  child.stderr.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-2_000)
  })
  const ready = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const record: Record<string, unknown> = line.startsWith('{') ? JSON.parse(line) : {}
      const { msg, level } = record
      if (level === 'fatal' || level === 'error') said = `${said}${line}\n`.slice(-2_000)
      if (typeof msg === 'string' && MESSAGES.has(msg)) lines.set(msg, record)
      if (lines.size === MESSAGES.size) resolve()
    })
  })
  const stop = async () => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    child.kill('SIGTERM')
    await exited
    clearTimeout(timer)
  }
  const deadline = AbortSignal.timeout(READY_MS)
  const late = once(deadline, 'abort').then(() => `The node is not ready in time:\n${said}`)
  const problem = await Promise.race([ready, ended, late])
  if (problem !== undefined) {
    await stop()
    throw new Error(problem)
  }
  const urlOf = (msg: string) => `http://${lines.get(msg)?.host}:${lines.get(msg)?.port}`
  const addresses = lines.get(READY)?.addresses
  const bootstrap = Array.isArray(addresses) ? addresses.filter((one) => /\/ws$/.test(one)) : []
  return {
    apiUrl: urlOf(API),
    // Tabs of one machine need nobody to tell them where they are.
    pageOptions: { bootstrap, registryUrl: urlOf(PUBLIC), iceServers: [] },
    ended,
    stop,
  }
}

const READY = 'Node ready'
const API = 'HTTP API is listening'
const PUBLIC = 'Public HTTP is listening'
const MESSAGES = new Set([READY, API, PUBLIC])
