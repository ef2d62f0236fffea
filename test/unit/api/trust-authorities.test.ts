import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { revocationOf } from '../../../src/api/domain/trust-revocation.ts'
import type { KeyVersions } from '../../../src/registry/types.ts'
import { call, OTHER_PEER_ID, OWN_PEER_ID, startApi } from '../../support/api.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'
import { active, keyNamed, revoked } from '../registry/trust/stated.ts'

async function open(t: TestContext, authorities: readonly string[]) {
  const registry = new FakeRegistry(OWN_PEER_ID)
  registry.setAuthorities(authorities)
  const { url } = await startApi(t, {}, { registry })
  const get = async (path: string) => (await call(url, path)).json
  const put = async (path: string, body: object) =>
    (await call(url, path, { method: 'PUT', body })).json
  return { registry, url, get, put }
}

const stated = (name: string, key_version = 1) => ({ public_key: keyNamed(name), key_version })

describe('trust with authorities', () => {
  it('shows only what counts, and everything with its reason beside it', async (t) => {
    const { registry, get } = await open(t, [OTHER_PEER_ID])
    await registry.writer.put('trust', 'ours', stated('a'))
    registry.addForeign(OTHER_PEER_ID, 'trust', 'theirs', stated('b'))
    assert.deepEqual(Object.keys((await get('/trust')).keys), ['theirs'])
    assert.equal((await get('/trust/ours')).code, 'NOT_FOUND')
    assert.equal((await get('/trust/theirs')).owner, OTHER_PEER_ID)
    const { authorities, statements } = await get('/trust/statements')
    assert.deepEqual(authorities, [OTHER_PEER_ID])
    assert.deepEqual(
      statements.map((one: { versions: Record<string, { reason: string }> }) => {
        return one.versions['1']?.reason
      }),
      ['not-vouched', 'authority'],
    )
    registry.addForeign(OTHER_PEER_ID, 'trust', `vouch:${OWN_PEER_ID}`, {})
    assert.deepEqual(Object.keys((await get('/trust')).keys), ['ours', 'theirs'])
    const { vouches } = await get('/trust/vouches')
    assert.deepEqual([vouches[0].peer_id, vouches[0].counts], [OWN_PEER_ID, true])
  })

  it('an authority states, vouches for and revokes what another station stated', async (t) => {
    const { registry, url, get, put } = await open(t, [OWN_PEER_ID])
    registry.addForeign(OTHER_PEER_ID, 'trust', 'theirs', stated('a'))
    registry.addForeign(OTHER_PEER_ID, 'trust', 'theirs', stated('b', 2))
    const vouched = await put(`/trust/vouches/${OTHER_PEER_ID}`, {})
    assert.deepEqual(vouched, { ok: true, peer_id: OTHER_PEER_ID, counts: true })
    const statuses = async () =>
      Object.values<{ status: string }>((await get('/trust')).keys.theirs).map((key) => key.status)
    assert.deepEqual(await statuses(), ['active', 'active'])
    const answer = await call(url, '/trust/theirs', { method: 'DELETE' })
    assert.deepEqual(answer.json, { ok: true, revoked: 'theirs' })
    assert.deepEqual(await statuses(), ['revoked', 'revoked'])
  })

  it('a station that is no authority revokes nothing of others', async (t) => {
    const { registry, url } = await open(t, [OTHER_PEER_ID])
    registry.addForeign(OTHER_PEER_ID, 'trust', 'theirs', stated('a'))
    const answer = await call(url, '/trust/theirs', { method: 'DELETE' })
    assert.deepEqual([answer.status, answer.json.owner], [403, OTHER_PEER_ID])
  })
})

describe('the revocation that an authority writes', () => {
  const cases: readonly (readonly [string, KeyVersions, KeyVersions, KeyVersions])[] = [
    [
      'each key under its number',
      { 1: active('a') },
      {},
      { 1: { ...active('a'), status: 'revoked' } },
    ],
    ['once what it stated before', { 1: active('a') }, { 7: revoked('a') }, { 7: revoked('a') }],
    [
      'under the next number where it gave that one another key',
      { 1: active('a') },
      { 1: revoked('b'), 3: revoked('c') },
      { 1: revoked('b'), 3: revoked('c'), 4: { ...active('a'), status: 'revoked' } },
    ],
  ]
  for (const [name, counting, own, expected] of cases) {
    it(`names ${name}`, () => assert.deepEqual(revocationOf(counting, own), expected))
  }
})
