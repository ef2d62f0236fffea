import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import { createEphemeralIdentity, type Identity } from '../../src/identity/index.ts'
import type { Host } from '../../src/network/host.ts'
import type { RegistryTransport } from '../../src/network/types.ts'
import type { NodeRecord, RegistryService } from '../../src/registry/index.ts'
import { createRegistry } from '../../src/registry/index.ts'
import { transferProtocol } from '../../src/registry/replication/log-transfer.ts'
import { createMetrics, silentLogger } from '../../src/telemetry/index.ts'
import { connect, startHost } from '../support/host.ts'
import { tempDir } from '../support/temp-dir.ts'
import { waitFor } from '../support/wait-for.ts'

interface Station {
  readonly identity: Identity
  readonly host: Host
  readonly registry: RegistryService
}

/** A registry on a real host with bitswap. @param isServing whether it answers requests for its log. */
async function startStation(t: TestContext, isServing = true): Promise<Station> {
  const identity = await createEphemeralIdentity()
  const host = await startHost(t, { dht: null }, { identity })
  const handle: RegistryTransport['handle'] = async (protocol, handler, options) => {
    if (isServing || protocol !== transferProtocol('test')) {
      await host.transport.handle(protocol, handler, options)
    }
  }
  const registry = createRegistry(
    {
      directory: await tempDir(t),
      networkName: 'test',
      nodeTtlDays: 7,
      bitswap: { maxInboundStreams: 32, maxOutboundStreams: 32 },
      exchangeIntervalMs: 200,
    },
    {
      identity,
      transport: { ...host.transport, handle },
      libp2p: host.libp2p,
      logger: silentLogger,
      metrics: createMetrics(),
    },
  )
  t.after(() => registry.stop())
  await registry.start()
  return { identity, host, registry }
}

const nodeAt = ({ registry }: Station, id: string) => registry.view.get<NodeRecord>('nodes', id)

test('three stations in a row on real hosts come to hold the same records', async (t) => {
  const [a, hub, c] = [await startStation(t), await startStation(t), await startStation(t)]
  for (let i = 0; i < 20; i += 1) await a.registry.writer.put('nodes', `before-${i}`, {})
  await connect(c.host, hub.host)
  await connect(a.host, hub.host)
  await waitFor(() => nodeAt(c, 'before-0') && nodeAt(c, 'before-19'), {
    message: 'what A wrote alone at C',
    timeoutMs: 10_000,
  })
  await a.registry.writer.put('nodes', 'later', { node_name: 'x' })
  await waitFor(() => nodeAt(c, 'later'), { message: 'what A wrote later at C' })
  await c.registry.writer.delete('nodes', 'none').catch(() => {})
  await c.registry.writer.put('stores', 's-1', { store_scope: ['nz/*'] })
  await waitFor(() => a.registry.view.get('stores', 's-1'), { message: 'what C wrote at A' })
})

test('ancestors come by bitswap from a peer that does not serve its log', async (t) => {
  const reader = await startStation(t)
  const writer = await startStation(t, false)
  for (let i = 0; i < 12; i += 1) await writer.registry.writer.put('nodes', `i-${i}`, {})
  await connect(reader.host, writer.host)
  await waitFor(() => reader.registry.view.counts().nodes === 12, {
    message: 'the whole log at the reader',
    timeoutMs: 15_000,
  })
  assert.equal(reader.registry.status()[0]?.heads, 1)
})

test('stopping a registry leaves its host running', async (t) => {
  const a = await startStation(t)
  const b = await startStation(t)
  await connect(a.host, b.host)
  await a.registry.stop()
  assert.equal(a.host.libp2p.status, 'started')
  assert.deepEqual(
    a.host.libp2p.getProtocols().filter((name) => /bitswap|orbitdb|\/blocks\//.test(name)),
    [],
  )
  await a.registry.start()
  await b.registry.writer.put('nodes', 'i-1', {})
  await waitFor(() => nodeAt(a, 'i-1'), { message: 'a record after the restart' })
})
