import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'

import { loadIdentity } from '../../src/identity/index.ts'
import { SHUN_AT_POINTS } from '../../src/network/penalties.ts'
import { HOP_TYPE, STATUS } from '../../src/network/relay/hop/wire.ts'
import { DENY_AT_POINTS } from '../../src/network/relay/policy/guarded.ts'
import { createLogger } from '../../src/telemetry/index.ts'
import { type Station, startStation } from '../support/node.ts'
import { askHop, startLibraryPeer } from '../support/relay-hop.ts'
import { answerWith, startHook } from '../support/relay-policy.ts'
import { tempDir } from '../support/temp-dir.ts'
import { waitFor } from '../support/wait-for.ts'

const ECHO = '/test/echo/1.0.0'

interface RelayStation extends Station {
  readonly lines: string[]
  /** With peer ID. */
  readonly multiaddr: string
}

async function startRelay(
  t: TestContext,
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): Promise<RelayStation> {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line.trimEnd()) }
  const logger = createLogger({ level: 'info', hasTime: false, destination })
  const relay = { RELAY_ENABLED: 'true', RELAY_CLIENT: 'off', ...env }
  const station = await startStation(t, { env: relay, files, logger })
  const listen = station.node.network.status().listen[0]
  return { ...station, lines, multiaddr: `${listen}/p2p/${station.peerId}` }
}

/** What the station says to one reservation, by a peer of its own. */
async function asked(t: TestContext, { multiaddr: address }: RelayStation) {
  const peer = await startLibraryPeer(t)
  const connection = await peer.dial(multiaddr(address))
  const reserve = async () => (await askHop(connection, { type: HOP_TYPE.reserve })).status
  return { peerId: peer.peerId.toString(), reserve }
}

const hopOf = async (station: Station) => (await station.call('/relay')).json.hop

describe('a station that relays', () => {
  it('carries bytes between newcomers, and shows whom, how much and until when', async (t) => {
    const relay = await startRelay(t)
    const destination = await startLibraryPeer(t, [relay.multiaddr])
    await destination.handle(
      ECHO,
      async (stream) => {
        for await (const chunk of stream) stream.send(chunk)
        await stream.close()
      },
      { runOnLimitedConnection: true },
    )
    const source = await startLibraryPeer(t)
    const way = `${relay.multiaddr}/p2p-circuit/p2p/${destination.peerId}`
    const connection = await source.dial(multiaddr(way))
    const stream = await connection.newStream(ECHO, { runOnLimitedConnection: true })
    stream.send(Buffer.alloc(50_000, 7))
    void stream.close()
    let received = 0
    for await (const chunk of stream) received += chunk.byteLength
    assert.equal(received, 50_000)

    const hop = await hopOf(relay)
    assert.equal(hop.policy, 'registry')
    assert.equal(hop.reservations.length, 1)
    assert.equal(hop.reservations[0].peer_id, destination.peerId.toString())
    assert.equal(hop.reservations[0].host, '127.0.0.1')
    const [circuit] = hop.circuits
    assert.equal(circuit.source.peer_id, source.peerId.toString())
    assert.equal(circuit.destination.peer_id, destination.peerId.toString())
    assert.ok(circuit.bytes_to_destination > 50_000 && circuit.bytes_to_source > 50_000)
    assert.ok(hop.month.bytes > 100_000 && hop.month.left_bytes < hop.month.quota_bytes)
    assert.equal(hop.talkers.length, 2)
    const { relay: role } = (await relay.call('/status')).json.roles
    assert.deepEqual([role.hop.reservations, role.hop.circuits], [1, 1])
    const metrics = await relay.metrics()
    assert.equal(metrics.get('wesense_relay_reservations'), 1)
    assert.equal(metrics.get('wesense_relay_circuits'), 1)
    assert.equal(metrics.get('wesense_relay_circuits_opened_total'), 1)
    assert.equal(metrics.get('wesense_relay_grace_given_total'), 2)
    const bytes = metrics.get('wesense_relay_bytes_total{direction="to_destination"}') ?? 0
    assert.ok(bytes >= circuit.bytes_to_destination)

    await connection.close()
    await waitFor(async () => (await hopOf(relay)).circuits.length === 0, {
      message: 'the end of the circuit',
    })
    const ended = Object.values<number>((await hopOf(relay)).circuits_ended)
    assert.deepEqual(ended, [1])
  })

  it('keeps out who offended, and frees the place of who is shunned at once', async (t) => {
    const relay = await startRelay(t, { RELAY_POLICY: 'open' })
    const { peerId, reserve } = await asked(t, relay)
    const { transport } = relay.node.network
    assert.equal(await reserve(), STATUS.ok)
    transport.report(peerId, 'test-offence', DENY_AT_POINTS + 1)
    await waitFor(async () => (await hopOf(relay)).reservations.length === 0, {
      message: 'the end of the place of a peer with a penalty',
    })
    assert.equal(await reserve(), STATUS.permissionDenied)
    assert.deepEqual((await hopOf(relay)).refused, { penalised: 1 })

    const other = await asked(t, relay)
    assert.equal(await other.reserve(), STATUS.ok)
    transport.report(other.peerId, 'test-offence', SHUN_AT_POINTS)
    assert.equal(transport.penaltyOf(other.peerId), 0, 'its points are spent')
    // It is disconnected, and its place would be kept for a minute.
    await waitFor(async () => (await hopOf(relay)).reservations.length === 0, {
      message: 'the end of the place of a shunned peer',
    })
    await assert.rejects(other.reserve())
  })

  it('follows its list as it changes: who is taken off it is cut off', async (t) => {
    const file = join(await tempDir(t), 'peers.txt')
    await writeFile(file, '# nobody yet\n')
    const env = { RELAY_POLICY: 'list', RELAY_ALLOW: file }
    const relay = await startRelay(t, env, { [file]: '' })
    const { peerId, reserve } = await asked(t, relay)
    assert.equal(await reserve(), STATUS.permissionDenied)
    const refused = `INFO  [network.relay] Relay refused host=127.0.0.1 peer=${peerId} request=reserve reason=not_listed`
    assert.ok(
      relay.lines.some((line) => line.endsWith(refused)),
      relay.lines.join('\n'),
    )
    await writeFile(file, peerId)
    await waitFor(async () => (await reserve()) === STATUS.ok, {
      timeoutMs: 8_000,
      message: 'the list with one peer',
    })
    assert.equal((await hopOf(relay)).reservations.length, 1)
    await writeFile(file, '# nobody any more\n')
    await waitFor(async () => (await hopOf(relay)).reservations.length === 0, {
      timeoutMs: 8_000,
      message: 'the empty list',
    })
    const cut = `Relay cut host=127.0.0.1 peer=${peerId} what=reservation reason=policy`
    assert.ok(
      relay.lines.some((line) => line.endsWith(cut)),
      relay.lines.join('\n'),
    )
    const metrics = await relay.metrics()
    const refusals = 'wesense_relay_refused_total{request="reserve",reason="not_listed"}'
    assert.ok((metrics.get(refusals) ?? 0) >= 1)
    assert.equal(metrics.get('wesense_relay_reservations_ended_total{reason="policy"}'), 1)
  })

  it('asks a hook, and refuses while that is gone', async (t) => {
    let isUp = true
    const { url, questions } = await startHook(t, (_body, response) => {
      answerWith(response, isUp ? 200 : 503, { allow: true })
    })
    const relay = await startRelay(t, {
      RELAY_POLICY: 'http',
      RELAY_HOOK_URL: url,
      RELAY_HOOK_SECRET: 'a-secret-of-some-length',
    })
    const first = await asked(t, relay)
    assert.equal(await first.reserve(), STATUS.ok)
    assert.deepEqual(
      questions.map(({ body }) => body),
      [{ kind: 'reserve', peer_id: first.peerId, host: '127.0.0.1', destination: null }],
    )
    isUp = false
    const second = await asked(t, relay)
    assert.equal(await second.reserve(), STATUS.permissionDenied)
    assert.equal(await first.reserve(), STATUS.ok, 'its yes is still good')
  })

  it('cuts off a peer that misbehaves towards its registry', async (t) => {
    const relay = await startRelay(t, { RELAY_POLICY: 'open' })
    const { peerId, reserve } = await asked(t, relay)
    assert.equal(await reserve(), STATUS.ok)
    relay.node.network.transport.report(peerId, 'broken_rule', 60)
    await waitFor(async () => (await hopOf(relay)).reservations.length === 0, {
      message: 'the end of its reservation',
    })
    assert.equal(await reserve(), STATUS.permissionDenied)
    assert.ok(relay.lines.some((line) => line.endsWith('reason=penalised')))
  })

  it('knows a station by its record, and asks for no grace then', async (t) => {
    const relay = await startRelay(t)
    const station = await startMember(t, relay)
    await station.call('/nodes/meshtastic-42', { method: 'PUT', body: { node_name: 'Hilltop' } })
    await waitFor(async () => (await relay.call('/nodes/meshtastic-42')).status === 200, {
      timeoutMs: 10_000,
      message: 'the record',
    })
    assert.equal(await reserveAs(station, relay), STATUS.ok)
    const metrics = await relay.metrics()
    assert.equal(metrics.get('wesense_relay_grace_given_total'), 0)
    assert.equal((await hopOf(relay)).reservations[0].peer_id, station.peerId)
  })

  it('follows the word of its authorities: a vouch lets in, its revocation cuts off', async (t) => {
    const dataDir = await tempDir(t)
    const { peerId: authority } = await loadIdentity({ dataDir })
    const env = { RELAY_POLICY: 'trusted', TRUST_AUTHORITIES: authority, DATA_DIR: dataDir }
    const relay = await startRelay(t, env)
    const station = await startMember(t, relay)
    const vouch = `/trust/vouches/${station.peerId}`
    assert.equal((await relay.call(vouch, { method: 'PUT', body: {} })).status, 200)
    assert.equal(await reserveAs(station, relay), STATUS.ok)
    assert.equal((await relay.metrics()).get('wesense_relay_grace_given_total'), 0)
    await relay.call(vouch, { method: 'PUT', body: { status: 'revoked' } })
    await waitFor(async () => (await hopOf(relay)).reservations.length === 0, {
      message: 'the end of its reservation',
    })
    assert.equal(await reserveAs(station, relay), STATUS.permissionDenied)
    assert.ok(relay.lines.some((line) => line.endsWith('reason=revoked')))
  })

  it('counts a month over a restart', async (t) => {
    const dataDir = await tempDir(t)
    await startRelayOn(t, dataDir, async (relay) => {
      const destination = await startLibraryPeer(t, [relay.multiaddr])
      const source = await startLibraryPeer(t)
      await source.dial(multiaddr(`${relay.multiaddr}/p2p-circuit/p2p/${destination.peerId}`))
    })
    await startRelayOn(t, dataDir, async (relay) => {
      const { month, circuits } = await hopOf(relay)
      assert.ok(month.bytes > 0)
      assert.deepEqual(circuits, [])
    })
  })

  it('is not what it is not asked to be', async (t) => {
    const station = await startStation(t, { env: { RELAY_CLIENT: 'off' } })
    assert.deepEqual((await station.call('/relay')).json, { enabled: false, hop: null, stun: null })
    const names = [...(await station.metrics()).keys()]
    assert.deepEqual(
      names.filter((name) => name.startsWith('wesense_relay_res')),
      [],
    )
  })
})

/** A station that is connected to the relay. */
async function startMember(t: TestContext, relay: RelayStation): Promise<Station> {
  const env = { ORBITDB_BOOTSTRAP_PEERS: relay.address(), RELAY_CLIENT: 'off' }
  const station = await startStation(t, { env })
  await waitFor(() => station.node.network.libp2p.getConnections().length > 0, {
    timeoutMs: 10_000,
    message: 'the connection to the relay',
  })
  return station
}

/** What the relay says to a reservation that a station asks for with its own key. */
async function reserveAs({ node }: Station, relay: RelayStation): Promise<number | null> {
  const connections = node.network.libp2p.getConnections()
  const connection = connections.find(({ remotePeer }) => remotePeer.toString() === relay.peerId)
  assert.ok(connection !== undefined)
  return (await askHop(connection, { type: HOP_TYPE.reserve })).status
}

async function startRelayOn(
  t: TestContext,
  dataDir: string,
  during: (relay: RelayStation) => Promise<void>,
): Promise<void> {
  const station = await startStation(t, {
    dataDir,
    env: { RELAY_ENABLED: 'true', RELAY_CLIENT: 'off' },
  })
  const listen = station.node.network.status().listen[0]
  await during({ ...station, lines: [], multiaddr: `${listen}/p2p/${station.peerId}` })
  await station.node.stop()
}
