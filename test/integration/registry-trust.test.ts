import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { createEphemeralIdentity, type Identity } from '../../src/identity/index.ts'
import { EPOCH_MS, startOfEpoch } from '../../src/registry/epochs/calendar.ts'
import { type RegistryService, verifyTrustEntry } from '../../src/registry/index.ts'
import { call, startApi } from '../support/api.ts'
import { startEpochStation } from '../support/epoch-station.ts'
import { MovingClock } from '../support/moving-clock.ts'
import { startRegistry } from '../support/registry.ts'
import { createMemoryNetwork } from '../support/registry-transport.ts'
import { waitFor } from '../support/wait-for.ts'
import { active, derivedId, keyNamed } from '../unit/registry/trust/stated.ts'

interface Station {
  readonly registry: RegistryService
  readonly identity: Identity
}

/** Stations that all know each other; the first ones are the authorities of all. */
async function stations(t: TestContext, count: number, authorityCount: number): Promise<Station[]> {
  const network = createMemoryNetwork()
  const identities = await Promise.all(Array.from({ length: count }, createEphemeralIdentity))
  const trustAuthorities = identities.slice(0, authorityCount).map(({ peerId }) => peerId)
  const started: Station[] = []
  for (const identity of identities) {
    started.push(await startRegistry(t, network, { identity, trustAuthorities }))
  }
  for (const [i, { peerId }] of identities.entries()) {
    for (const other of identities.slice(i + 1)) network.connect(peerId, other.peerId)
  }
  return started
}

const stated = (name: string, key_version = 1) => ({ public_key: keyNamed(name), key_version })

function statusOf({ registry }: Station, ingesterId: string): string {
  const versions = Object.entries(registry.trust.decide().keys.get(ingesterId) ?? {})
  return versions.map(([version, { status }]) => `${version} ${status}`).join(', ')
}

/** Waits until every station shows the same keys, byte for byte, and the first one these. */
async function agreeOn(all: readonly Station[], ingesterId: string, wanted: string): Promise<void> {
  await waitFor(() => all.every((station) => statusOf(station, ingesterId) === wanted), {
    message: `all stations to show ${ingesterId} as "${wanted}"`,
  })
  const shown = all.map(({ registry }) => JSON.stringify([...registry.trust.decide().keys].sort()))
  assert.equal(new Set(shown).size, 1)
}

describe('trust between stations', () => {
  it('with an authority: vouch, state, rotate, revoke, alike at every station', async (t) => {
    const all = await stations(t, 3, 1)
    const [authority, hub, bystander] = all
    assert.ok(authority !== undefined && hub !== undefined && bystander !== undefined)
    await hub.registry.writer.put('trust', 'ing', stated('old'))
    await waitFor(() => authority.registry.trust.statementsAbout('ing').length === 1, {
      message: 'the statement to arrive',
    })
    await agreeOn(all, 'ing', '')
    const { peerId } = hub.identity
    await authority.registry.writer.put('trust', `vouch:${peerId}`, { peer_id: peerId })
    await agreeOn(all, 'ing', '1 active')
    await hub.registry.writer.put('trust', 'ing', stated('new', 2))
    await agreeOn(all, 'ing', '1 active, 2 active')
    await hub.registry.writer.put('trust', 'ing', { ...stated('old'), status: 'revoked' })
    await agreeOn(all, 'ing', '1 revoked, 2 active')
    // Not the owner of the record, and may say so all the same.
    const versions = { 2: { ...active('new'), status: 'revoked' } }
    await authority.registry.writer.put('trust', 'ing', { versions })
    await agreeOn(all, 'ing', '1 revoked, 2 revoked')
    await assert.rejects(bystander.registry.writer.put('trust', 'ing', stated('x', 3)), {
      code: 'OWNED_BY_OTHER',
    })
  })

  it('without authorities: who registered the ingester speaks, and a stranger changes nothing', async (t) => {
    const all = await stations(t, 3, 0)
    const [hub, stranger] = all
    assert.ok(hub !== undefined && stranger !== undefined)
    // The stranger's word comes first, and the ingester is the hub's.
    await stranger.registry.writer.put('trust', 'ing', stated('theirs'))
    await agreeOn(all, 'ing', '1 active')
    await hub.registry.writer.put('nodes', 'ing', { node_name: 'Hilltop' })
    await agreeOn(all.slice(2), 'ing', '')
    await hub.registry.writer.put('trust', 'ing', stated('ours'))
    const keyAt = ({ registry }: Station) =>
      registry.trust.decide().keys.get('ing')?.['1']?.public_key
    const others = all.filter((station) => station !== stranger)
    await waitFor(() => others.every((station) => keyAt(station) === keyNamed('ours')), {
      message: "the hub's key to count",
    })
  })

  it('an ID made from its key: the wrong key of who was first keeps nobody out', async (t) => {
    const all = await stations(t, 2, 0)
    const [hub, stranger] = all
    assert.ok(hub !== undefined && stranger !== undefined)
    const id = derivedId(keyNamed('right'))
    await assert.rejects(stranger.registry.writer.put('trust', id, stated('wrong')), {
      code: 'INVALID_RECORD',
      facts: { field: 'public_key' },
    })
    const revoked = { ...stated('wrong'), status: 'revoked' }
    await stranger.registry.writer.put('trust', id, revoked)
    await waitFor(() => hub.registry.trust.statementsAbout(id).length === 1, {
      message: 'the wrong statement to arrive',
    })
    await hub.registry.writer.put('trust', id, stated('right'))
    await agreeOn(all, id, '1 active')
  })

  it('gives the signed entry of a statement, which anyone can check offline', async (t) => {
    const [hub, other] = await stations(t, 2, 0)
    assert.ok(hub !== undefined && other !== undefined)
    await hub.registry.writer.put('trust', 'ing', stated('k'))
    await waitFor(() => other.registry.trust.decide().keys.size === 1, { message: 'the key' })
    const { url } = await startApi(t, {}, { registry: other.registry })
    const { json } = await call(url, '/trust/statements?entry=true')
    const [statement] = json.statements
    const verified = verifyTrustEntry(Buffer.from(statement.entry, 'base64'))
    assert.ok(verified.isValid)
    assert.equal(verified.author, hub.identity.peerId)
    assert.equal(verified.entryHash, statement.entry_hash)
    assert.equal(verified.localId, 'ing')
    assert.equal(verified.clockMs, statement.clock_ms)
    assert.deepEqual(verified.value, other.registry.view.get('trust', 'ing')?.value)
  })

  it('a revoked key stays revoked when its author is gone and the next station states it anew', async (t) => {
    const epoch = 1460
    const network = createMemoryNetwork()
    const newClock = () => new MovingClock(startOfEpoch(epoch) + EPOCH_MS / 2)
    const author = await startEpochStation(t, network, { clock: newClock() })
    const [b, c] = [
      await startEpochStation(t, network, { clock: newClock() }),
      await startEpochStation(t, network, { clock: newClock() }),
    ]
    network.connect(author.identity.peerId, b.identity.peerId)
    network.connect(b.identity.peerId, c.identity.peerId)
    await author.registry.writer.put('nodes', 'ing', {})
    await author.registry.writer.put('trust', 'ing', stated('old'))
    const { record } = await author.registry.writer.revokeTrust('ing')
    await agreeOn([author, b, c], 'ing', '1 revoked')
    network.disconnect(author.identity.peerId, b.identity.peerId)
    await author.registry.stop()

    const pass = (stepMs: number, isSo: () => boolean, message: string) =>
      waitFor(
        () => {
          if (isSo()) return true
          for (const { clock } of [b, c]) clock.advance(stepMs)
          return false
        },
        { message, timeoutMs: 10_000 },
      )
    const trustLogs = () => [b, c].map(({ registry }) => registry.status()[1]?.logs ?? [])
    const isCarried = () =>
      trustLogs().every((logs) => logs.some((log) => log.epoch > epoch && log.entries > 0))
    for (const { clock } of [b, c]) clock.moveTo(startOfEpoch(epoch + 1) + 1000)
    await pass(3_600_000, isCarried, 'the revocation in the next epoch')
    for (const { clock } of [b, c]) clock.moveTo(startOfEpoch(epoch + 1) + EPOCH_MS / 2)
    await pass(60_000, () => trustLogs().every((logs) => logs.length === 1), 'the old one closed')
    assert.equal(b.registry.view.ownerOf('nodes', 'ing'), null, 'what was no revocation is gone')
    await agreeOn([b, c], 'ing', '1 revoked')
    const bytes = await c.registry.entryBytes(record.entryHash)
    const verified = verifyTrustEntry(bytes ?? new Uint8Array())
    assert.ok(verified.isValid)
    assert.equal(verified.author, author.identity.peerId)

    await b.registry.writer.put('nodes', 'ing', {})
    await b.registry.writer.put('trust', 'ing', stated('old'))
    await b.registry.writer.put('trust', 'ing', stated('new', 2))
    await waitFor(() => statusOf(c, 'ing') === '1 revoked, 2 active', {
      message: 'the old key revoked and the new one active, at another station',
    })
  })
})
