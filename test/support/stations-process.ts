/**
 * A process with one or more stations, for tests that need them apart from the test itself. Its only
 * argument is a JSON `StationsProcessOptions`; it says what runs in one JSON line and ends when its
 * standard input does.
 */
import type { NetworkService } from '../../src/network/index.ts'
import { createLogger } from '../../src/telemetry/index.ts'
import { addressOf, connectedTo, Scope, startNetwork, type TestNetworkOptions } from './network.ts'
import type { StationsProcessOptions } from './stations.ts'
import { waitFor } from './wait-for.ts'

const options: StationsProcessOptions = JSON.parse(process.argv[2] ?? '{}')
const scope = new Scope()
const logger = createLogger({ level: 'warn', destination: process.stderr })
const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`)

const stations: NetworkService[] = []
for (const { seedOf = [], ...one } of options.stations) {
  const seeds = [...(one.seeds ?? []), ...seedOf.map((index) => addressOf(at(index)))]
  stations.push(
    (await startNetwork(scope, { ...(one as TestNetworkOptions), seeds, logger })).network,
  )
}
for (const [index, { settledAt }] of options.stations.entries()) {
  if (settledAt === undefined) continue
  await waitFor(() => connectedTo(at(index)).length >= settledAt, {
    timeoutMs: 30_000,
    message: `station ${index} has ${settledAt} connections`,
  })
}
// Stations that are still dialling each other would be measured along with the test's own.
let count = -1
let sinceMs = Date.now()
await waitFor(
  () => {
    const now = stations.reduce((sum, network) => sum + network.peers().length, 0)
    if (now !== count) sinceMs = Date.now()
    count = now
    return Date.now() - sinceMs >= 1000 || options.stations.length === 1
  },
  { timeoutMs: 20_000, message: 'nobody connects any more' },
)
say(stations.map((network) => ({ peerId: network.peerId, address: addressOf(network) })))

// With each line that is asked, who is connected and known now.
process.stdin.on('data', () => {
  say(
    stations.map((network) => ({
      connected: connectedTo(network),
      known: network.knownStations(),
    })),
  )
})
process.stdin.on('end', async () => {
  await scope.end()
  process.exit(0)
})

function at(index: number) {
  const station = stations[index]
  if (station === undefined) throw new Error(`no station ${index}`)
  return station
}
