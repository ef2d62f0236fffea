import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { type Program, startProgram } from '../process.ts'
import { tempDir } from '../temp-dir.ts'
import { TEST_TLS } from '../tls.ts'
import { waitFor } from '../wait-for.ts'
import type { Target } from './raw.ts'

type Life = { after(job: () => unknown): void }

/** What a peer has to know of a node to attack it. */
export interface AttackedPlace {
  readonly networkName: string
  readonly networkKey: string | null
  /** Multiaddrs at which peers with a key of their own connect. */
  readonly addresses: readonly string[]
  /** Addresses of the logs that it keeps. */
  readonly logs: readonly string[]
}

/** A running node that is attacked. */
export interface FuzzedNode extends AttackedPlace {
  readonly name: string
  readonly node: Program
  readonly target: Target
  /** Where browsers come in that have no name to connect to; null: nowhere. */
  readonly webRtcAddress: string | null
}

/** All come from one host here: its requests are to be read, and not refused for their number. */
const PROGRAM_ENV = { ORBITDB_HEAP_MB: '256', API_RATE_LIMIT: '1000000' }

/** A relay in the open with all it can listen on: TCP, WebSocket, WebRTC, STUN, HTTP for the public. */
export async function startOpenNode(t: Life, networkName: string): Promise<FuzzedNode> {
  const env = {
    ...PROGRAM_ENV,
    NETWORK_NAME: networkName,
    RELAY_ENABLED: 'true',
    RELAY_POLICY: 'open',
    WEBRTC_DIRECT_PORT: '0',
    PUBLIC_PORT: '0',
    PUBLIC_HOST: '127.0.0.1',
    PUBLIC_RATE_LIMIT: '1000000',
  }
  const node = await startProgram(t, { cwd: await tempDir(t), env })
  const { port } = await node.record('Public HTTP is listening')
  const target = {
    ...targetOf(node, { isTls: false, isPrivate: false }),
    publicPort: Number(port),
    udp: {
      webRtcPort: portOf(node, /\/udp\/(\d+)\/webrtc-direct\//),
      stunPort: await stunPort(node),
    },
  }
  const addresses = [
    `/ip4/127.0.0.1/tcp/${target.tcpPort}/p2p/${node.peerId}`,
    `/ip4/127.0.0.1/tcp/${target.wsPort}/ws/p2p/${node.peerId}`,
  ]
  const webRtc = node.addresses.find((address) => address.includes('/webrtc-direct/'))
  return {
    name: 'open',
    node,
    target,
    networkName,
    networkKey: null,
    addresses,
    webRtcAddress: `${webRtc}/p2p/${node.peerId}`,
    logs: await logsOf(node),
  }
}

/** A station of a private network, which uses relays, with a WebSocket in TLS. */
export async function startPrivateNode(t: Life, networkName: string): Promise<FuzzedNode> {
  const cwd = await tempDir(t)
  const networkKey = '5a'.repeat(32)
  await writeFile(join(cwd, 'cert.pem'), TEST_TLS.cert)
  await writeFile(join(cwd, 'key.pem'), TEST_TLS.key)
  const env = {
    ...PROGRAM_ENV,
    NETWORK_NAME: networkName,
    NETWORK_KEY: networkKey,
    TLS_ENABLED: 'true',
    TLS_CERTFILE: join(cwd, 'cert.pem'),
    TLS_KEYFILE: join(cwd, 'key.pem'),
  }
  const node = await startProgram(t, { cwd, env })
  const target = targetOf(node, { isTls: true, isPrivate: true })
  const addresses = [`/ip4/127.0.0.1/tcp/${target.tcpPort}/p2p/${node.peerId}`]
  const logs = await logsOf(node)
  return {
    name: 'private',
    node,
    target,
    networkName,
    networkKey,
    addresses,
    webRtcAddress: null,
    logs,
  }
}

/** Peers that are connected; waits until no more than `most` are left. */
export async function peersOf({ apiUrl }: Program, most: number): Promise<string[]> {
  let ids: string[] = []
  await waitFor(
    async () => {
      const response = await fetch(`${apiUrl}/peers`)
      const { peers } = (await response.json()) as { peers: { peer_id: string }[] }
      ids = peers.map((peer) => peer.peer_id)
      return ids.length <= most
    },
    { timeoutMs: 30_000, message: 'the attackers are gone' },
  )
  return ids
}

/** Resident memory now and at most, in MB. Linux. */
export function residentMb({ child }: Program): { now: number; peak: number } {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  const read = (field: string) =>
    Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024)
  return { now: read('VmRSS'), peak: read('VmHWM') }
}

function targetOf(node: Program, kind: Pick<Target, 'isTls' | 'isPrivate'>): Target {
  return {
    tcpPort: portOf(node, /\/tcp\/(\d+)$/),
    wsPort: portOf(node, /\/tcp\/(\d+)\/(?:tls\/)?ws$/),
    apiPort: Number(new URL(node.apiUrl).port),
    publicPort: null,
    udp: null,
    ...kind,
  }
}

function portOf({ addresses }: Program, pattern: RegExp): number {
  const port = addresses.map((address) => pattern.exec(address)?.[1]).find(Boolean)
  if (port === undefined) throw new Error(`no ${pattern} among ${addresses.join(' ')}`)
  return Number(port)
}

/** Where a relay tells browsers how they are seen. */
async function stunPort({ apiUrl }: Program): Promise<number> {
  const response = await fetch(`${apiUrl}/relay`)
  const { stun } = (await response.json()) as { stun: { listening: string[] } }
  const port = stun.listening[0]?.split(':').at(-1)
  if (port === undefined) throw new Error('STUN is not served')
  return Number(port)
}

async function logsOf({ apiUrl }: Program): Promise<string[]> {
  const databases = async () => {
    const response = await fetch(`${apiUrl}/status`)
    const status = (await response.json()) as { registry: { databases: { address: string }[] } }
    return status.registry.databases
  }
  const opened = await waitFor(
    async () => {
      const found = await databases()
      return found.length > 0 && found
    },
    { message: 'the logs are open' },
  )
  return opened.map(({ address }) => address)
}
