/** Many stations in one process: `stations-process.ts <network name>`, asked over IPC. */
import { setTimeout as delay } from 'node:timers/promises'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { replicatedIn, windowAt } from '../../src/registry/epochs/calendar.ts'
import { DATABASE_NAMES } from '../../src/registry/records/index.ts'
import { logAddress } from '../../src/registry/snapshot/log-name.ts'
import { databaseName } from '../../src/registry/store/databases.ts'
import { decodeValue } from '../../src/registry/store/entry-codec.ts'
import { hostIp } from '../../test/support/one-host-net.ts'
import { answerWith } from '../relay/child.ts'
import { Author, SharedHeads } from '../year/author.ts'
import { Station } from './station.ts'
import type { StationsReport, StationsRequest, Written } from './types.ts'

const TTL_MS = 7 * 86_400_000
/** Between two dials of a station that was refused or lost, with as much again by chance. */
const AGAIN_MS = 5_000
/** Between two rounds of a station's anti-entropy. */
const ROUND_MS = 60_000
/** A real station picks one of so many neighbours for each log in each round. */
const NEIGHBOURS = 12

const networkName = process.argv[2] ?? ''
const logs = replicatedIn(windowAt(Date.now(), TTL_MS)).flatMap((epoch) =>
  DATABASE_NAMES.map((name) => logAddress(databaseName(networkName, name, epoch))),
)
const stations: Station[] = []
let begun = 0
const lost: Record<string, number> = {}
const refused: Record<string, number> = {}
const exchanges = { ok: 0, failed: 0, answered: 0 }
const heard = new Map<string, number[]>()
let peerExchanges = 0

function count(reasons: Record<string, number>, reason: string): void {
  reasons[reason] = (reasons[reason] ?? 0) + 1
}

async function make(from: number, step: number, amount: number): Promise<void> {
  for (let i = 0; i < amount; i += 1) {
    const index = from + i * step
    const station: Station = new Station(
      { networkName, ip: hostIp(index), isDhtServer: index % 4 < 2, logs },
      {
        onExchange: (outcome) => {
          exchanges[outcome] += 1
        },
        onPeerExchange: () => {
          peerExchanges += 1
        },
        onMessage: note,
        onLost: (reason) => {
          count(lost, reason)
          keepConnected(station)
        },
      },
    )
    await station.start()
    stations.push(station)
  }
}

let target = ''

/** Dials until it is connected, as a station does whose only seed this is. */
async function keepConnected(station: Station, isLate = true): Promise<void> {
  if (isLate) await delay(AGAIN_MS * (1 + Math.random()))
  for (;;) {
    try {
      await station.connect(target)
      return
    } catch (error) {
      count(refused, error instanceof Error ? reasonOf(error) : String(error))
    }
    await delay(AGAIN_MS * (1 + Math.random()))
  }
}

function reasonOf(error: Error): string {
  if ('errors' in error && Array.isArray(error.errors) && error.errors[0] instanceof Error) {
    return reasonOf(error.errors[0])
  }
  return 'code' in error ? String(error.code) : error.name
}

async function connect(address: string, perSecond: number): Promise<void> {
  target = address
  const startedAtMs = performance.now()
  const first = begun
  while (begun < stations.length) {
    const due = first + ((performance.now() - startedAtMs) / 1000) * perSecond
    while (begun < stations.length && begun < due) {
      const station = stations[begun]
      begun += 1
      if (station !== undefined) void keepConnected(station, false)
    }
    await delay(20)
  }
}

/** Each station compares its logs once a minute, spread over it. */
async function compareForEver(): Promise<void> {
  for (let index = 0; ; index += 1) {
    await delay(ROUND_MS / Math.max(1, stations.length))
    const station = stations[index % Math.max(1, stations.length)]
    for (const log of logs) {
      if (Math.random() < 1 / NEIGHBOURS) station?.compare(log)
    }
  }
}

function note(_topic: string, bytes: Uint8Array): void {
  const id = idOf(bytes)
  const times = heard.get(id) ?? []
  times.push(Date.now())
  heard.set(id, times)
}

function idOf(bytes: Uint8Array): string {
  const { payload } = decodeValue(bytes) as { payload?: { key?: string } }
  return payload?.key?.split('/')[1] ?? ''
}

async function write(): Promise<Written> {
  const writer = stations.find((station) => station.isConnected)
  if (writer === undefined) throw new Error('no station is connected')
  const author = new Author(await createEphemeralIdentity(), Date.now())
  for (const { address, bytes } of author.write(
    networkName,
    Date.now(),
    TTL_MS,
    new SharedHeads(),
  )) {
    await writer.publish(address, bytes)
    return { id: idOf(bytes), atMs: Date.now() }
  }
  throw new Error('the author has nothing to write')
}

function report(): StationsReport {
  return {
    made: stations.length,
    connected: stations.filter((station) => station.isConnected).length,
    identified: stations.filter((station) => station.isConnected && station.isIdentified).length,
    lost,
    refused,
    exchanges,
    peerExchanges,
  }
}

// A station that fails on its own must not end the others.
process.on('unhandledRejection', () => {})
void compareForEver()
answerWith<StationsRequest>(async (request) => {
  if (request.do === 'make') {
    await make(request.from, request.step, request.count)
    return null
  }
  if (request.do === 'connect') {
    void connect(request.address, request.perSecond)
    return null
  }
  if (request.do === 'write') return write()
  if (request.do === 'heard') return [...heard]
  return report()
})
