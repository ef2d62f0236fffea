import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { createRegistration } from '../../src/node/registration.ts'
import { RegistrySource } from '../../src/node/registry-source.ts'
import { foundAddresses } from '../../src/node/steady-addresses.ts'
import { silentLogger } from '../../src/telemetry/index.ts'
import { NO_SOURCES, startNetwork } from '../support/network.ts'
import { startRegistry } from '../support/registry.ts'
import { createMemoryNetwork } from '../support/registry-transport.ts'
import { startHiddenStation, startRelay } from '../support/relay-hosts.ts'
import { loadedSettings } from '../support/settings.ts'
import { waitFor } from '../support/wait-for.ts'

describe('the record of a station behind a relay', { timeout: 60_000 }, () => {
  it('names its way through the relay, and leads others to it', async (t) => {
    const relay = await startRelay(t, 'own')
    const identity = await createEphemeralIdentity()
    const { peerId } = identity
    const hidden = await startHiddenStation(t, { identity, seeds: [relay.address] })
    const memory = createMemoryNetwork()
    const { registry } = await startRegistry(t, memory, { identity })
    const other = await createEphemeralIdentity()
    const { registry: reader } = await startRegistry(t, memory, { identity: other })
    memory.connect(peerId, other.peerId)

    const found = foundAddresses(hidden.network)
    const registration = createRegistration(
      { peerId, version: '0.0.0-test', settings: loadedSettings({}).settings },
      {
        writer: registry.writer,
        view: registry.view,
        relay: () => null,
        found: () => found.read(),
        logger: silentLogger,
      },
    )
    registration.start()
    t.after(() => registration.stop())

    const finder = await startNetwork(t, {
      relayClient: {},
      reachability: 'public',
      discovery: { ...NO_SOURCES, registry: {} },
    })
    const source = new RegistrySource(reader, finder.network, silentLogger)
    await source.start()
    t.after(() => source.stop())

    const record = await waitFor(() => reader.view.get('nodes', peerId), {
      timeoutMs: 20_000,
      message: 'the record',
    })
    assert.equal(
      'announce_address' in record.value && record.value.announce_address,
      `${relay.address}/p2p-circuit`,
    )
    await waitFor(() => finder.network.transport.connectedPeers().includes(peerId), {
      timeoutMs: 15_000,
      message: 'a direct connection',
    })
    assert.equal(registry.status()[0]?.entriesJoined, 1)
  })
})
