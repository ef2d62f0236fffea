import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { createEphemeralIdentity } from '../../../src/identity/index.ts'
import { hashOf } from '../../../src/registry/store/entry-codec.ts'
import { OTHER_PEER_ID, OWN_PEER_ID, startApi } from '../../support/api.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'
import { forgeEntry } from '../../support/registry.ts'
import { active, dayOf, keyNamed, revoked } from '../registry/trust/stated.ts'
import { fakeApi, runCommand } from './harness.ts'

/** A running node's API with a registry in memory, and the command as an operator types it. */
async function open(t: TestContext, authorities: readonly string[] = []) {
  const registry = new FakeRegistry(OWN_PEER_ID)
  registry.setAuthorities(authorities)
  const { port } = await startApi(t, {}, { registry })
  const trust = async (...words: string[]) => {
    const run = await runCommand(['trust', ...words, '--port', String(port)])
    const lines = words.includes('--json') ? [] : run.out.split('\n')
    for (const line of lines) assert.ok(line.length <= 100, line)
    return run
  }
  const ok = async (...words: string[]) => {
    const run = await trust(...words)
    assert.deepEqual([run.code, run.error], [0, ''])
    return run.out
  }
  return { registry, trust, ok }
}

const KEY = keyNamed('k')
const stated = (name: string, key_version = 1) => ({ public_key: keyNamed(name), key_version })

describe('trust', () => {
  it('rotates a key: add, add the next version, revoke the old one, see both', async (t) => {
    const { ok } = await open(t)
    assert.match(await ok('add', 'ing', KEY), /^Stated: version 1 of ing is .+\nIt counts\.\n$/)
    assert.match(await ok('add', 'ing', keyNamed('l'), '--version', '2'), /^Stated: version 2 /)
    assert.equal(
      await ok('revoke', 'ing', '--version', '1'),
      'Revoked for good: version 1 of ing\n',
    )
    const list = await ok('list')
    assert.match(list, /^Authorities +none: each station speaks for its own ingesters$/m)
    assert.ok(list.includes(`ing             1  revoked  ${KEY}  2026-01-01`), list)
    assert.ok(list.includes(`ing             2  active   ${keyNamed('l')}  2026-01-01`), list)
    assert.match(await ok('why', 'ing'), /^ing: version 2 of its key is good; one station states /)
    assert.match(await ok('revoke', 'ing'), /^Revoked for good: version 1, 2 of ing$/m)
    assert.match(await ok('why', 'ing'), /^ing: no key of it is good;/)
  })

  it('fails where the version that is stated was revoked, and says which one is free', async (t) => {
    const { ok, trust } = await open(t)
    await ok('add', 'ing', KEY)
    await ok('add', 'ing', keyNamed('l'), '--version', '4')
    await ok('revoke', 'ing', '--version', '1')
    const { code, out, error } = await trust('add', 'ing', KEY)
    assert.deepEqual([code, error], [1, ''])
    assert.equal(
      out.split('\n')[1],
      'Version 1 of ing stays revoked: a revocation is final. Give a new key version 5.',
    )
    const asJson = await trust('add', 'ing', KEY, '--json')
    assert.deepEqual([asJson.code, JSON.parse(asJson.out).counts], [1, false])
  })

  it('lists an ingester with a long ID whole, on a line of its own', async (t) => {
    const { ok, registry } = await open(t)
    const id = `ing-${'x'.repeat(200)}`
    await registry.writer.put('trust', id, stated('k'))
    const lines = (await ok('list')).split('\n')
    assert.ok(
      lines
        .map((line) => line.trim())
        .join('')
        .includes(id),
    )
    const json = JSON.parse(await ok('list', '--json'))
    assert.deepEqual(Object.keys(json.keys), [id])
    assert.deepEqual(json.authorities, [])
  })

  it('says that nothing counts, and what a station without a vouch states', async (t) => {
    const { ok } = await open(t, [OTHER_PEER_ID])
    const empty = await ok('list')
    assert.match(empty, new RegExp(`^Authorities +${OTHER_PEER_ID}$`, 'm'))
    assert.match(empty, /^No key counts\.$/m)
    assert.match(await ok('add', 'ing', KEY), /^It does not count: "trust why"/m)
    const why = await ok('why', 'ing')
    assert.match(
      why,
      /^Rule: one authority is believed, with the stations that get a vouch there;/m,
    )
    assert.match(why, /does not count: this station is no authority, and none vouches for it$/m)
    assert.match(await ok('vouch', OWN_PEER_ID), /^It does not count: this node is not among /m)
  })

  it('vouches, revokes that and takes it back, on an authority', async (t) => {
    const { ok, registry } = await open(t, [OWN_PEER_ID])
    registry.addForeign(OTHER_PEER_ID, 'trust', 'theirs', stated('k'))
    assert.equal(await ok('vouch', OTHER_PEER_ID), `Vouched for: ${OTHER_PEER_ID}\nIt counts.\n`)
    assert.match(await ok('list'), new RegExp(`^Vouched for +${OTHER_PEER_ID}$`, 'm'))
    const why = await ok('why', 'theirs')
    assert.match(why, new RegExp(`^By ${OTHER_PEER_ID}, 2026-01-01 00:00:01 UTC$`, 'm'))
    assert.match(why, /^ +entry zdpu\d+$/m)
    assert.ok(
      why.includes(`   version 1 is ${KEY}, active:\n     counts: an authority vouches`),
      why,
    )
    assert.match(await ok('why', OTHER_PEER_ID), /: an authority vouches for it\.$/m)
    assert.match(await ok('vouch', OTHER_PEER_ID, 'revoke'), /^Vouch revoked: /)
    assert.match(await ok('why', OTHER_PEER_ID), /: no vouch for it counts\.$/m)
    assert.match(await ok('vouch', OTHER_PEER_ID, 'delete'), /^Taken back: /)
    assert.match(await ok('why', OTHER_PEER_ID), /^Nobody states anything about /)
  })

  it('passes on what the node refuses, with the station in the way, in one line', async (t) => {
    const { trust, registry } = await open(t)
    registry.addForeign(OTHER_PEER_ID, 'trust', 'theirs', stated('k'))
    for (const words of [
      ['add', 'theirs', KEY],
      ['revoke', 'theirs'],
    ]) {
      const { code, error } = await trust(...words)
      assert.equal(code, 1)
      assert.match(error, /^wesense-node: the node answers OWNED_BY_OTHER: [^\n]+\n$/)
      assert.ok(error.includes(OTHER_PEER_ID))
    }
    const unknown = await trust('revoke', 'ing', '--version', '3')
    assert.match(unknown.error, /version 3 of ing does not count/)
    assert.equal(unknown.code, 1)
  })

  it('says what there is not', async (t) => {
    const { trust } = await open(t)
    const none = await trust('revoke', 'nosuch')
    assert.deepEqual(
      [none.code, none.error],
      [1, 'wesense-node: this station states no key of nosuch\n'],
    )
    const vouch = await trust('vouch', OTHER_PEER_ID, 'delete')
    assert.deepEqual(
      [vouch.code, vouch.error],
      [1, `wesense-node: this station states no vouch for ${OTHER_PEER_ID}\n`],
    )
  })

  it('does not let what others wrote steer the terminal', async (t) => {
    const statement = {
      kind: 'keys',
      ingester_id: 'ing',
      author: 'someone\u001b[2J',
      entry_hash: 'zdpu',
      written_at: '2026-01-01T00:00:00.000Z',
      clock_ms: 1,
      counts: false,
      versions: { 1: { ...active('k'), counts: false, reason: 'of a newer node', by: null } },
    }
    const reply = { authorities: [], statements: [statement], next: null }
    const path = '/trust/statements?ingester=ing&limit=100&entry=false'
    const { port } = await fakeApi(t, { [path]: [200, reply] })
    const { out } = await runCommand(['trust', 'why', 'ing', '--port', String(port)])
    assert.ok(!out.includes('\u001b'))
    assert.match(out, /does not count: of a newer node$/m)
  })

  it('explains its words when they are others', async () => {
    const wrong = [['frob'], ['add', 'x'], ['revoke'], ['why', 'a', 'b'], ['list', 'x'], ['verify']]
    for (const words of [...wrong, ['vouch', 'a', 'frob'], ['add', 'a', 'b', '--version', 'x']]) {
      const { code, error } = await runCommand(['trust', ...words])
      assert.equal(code, 2, words.join(' '))
      assert.match(error, /^wesense-node: trust takes: list, add/)
    }
  })
})

describe('trust verify', () => {
  async function exported() {
    const identity = await createEphemeralIdentity()
    const versions = { 1: revoked('k'), 2: active('l') }
    const value = { ingester_id: 'ing', versions, updated_at: dayOf(1) }
    const address = '/orbitdb/zdpuAmXj1fJZaQPpCDnr5hZoRmSKXSDEcyJ9bXp7AnDYiDnhD'
    const { bytes, fields } = forgeEntry({ identity, address, localId: 'ing', value })
    const verdict = { counts: true, reason: 'owner', by: null }
    return {
      kind: 'keys',
      ingester_id: 'ing',
      author: identity.peerId,
      entry_hash: hashOf(bytes),
      clock_ms: (fields.clock as { time: number }).time,
      entry: Buffer.from(bytes).toString('base64'),
      versions: { 1: { ...versions[1], ...verdict }, 2: { ...versions[2], ...verdict } },
    }
  }

  const verify = (content: unknown, ...flags: string[]) =>
    runCommand(['trust', 'verify', 'file.json', ...flags], {
      readFile: async () =>
        Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)),
    })

  it('says that what the file says is what its author signed, with no node there', async () => {
    const statement = await exported()
    for (const content of [{ statements: [statement] }, [statement], statement]) {
      const { code, out } = await verify(content)
      assert.equal(code, 0, out)
      assert.match(out, /^valid: ing$/m)
      assert.match(out, /^1 checked, all valid$/m)
      assert.ok(out.includes(statement.author) && out.includes(statement.entry_hash))
    }
    const { out } = await verify(statement, '--json')
    assert.equal(JSON.parse(out).valid, true)
  })

  it('names what the file says otherwise, exit code 1', async () => {
    const statement = await exported()
    const { 1: first, 2: second } = statement.versions
    const entry = Buffer.from(statement.entry, 'base64')
    entry[entry.length - 70] = (entry[entry.length - 70] ?? 0) ^ 1
    const cases: readonly (readonly [object, RegExp])[] = [
      [{ author: OWN_PEER_ID }, /it was signed by 12D3/],
      [{ entry_hash: 'zdpu' }, /its entry is zdpu/],
      [{ ingester_id: 'other' }, /its entry is about ing/],
      [{ clock_ms: 1 }, /another clock/],
      [{ versions: { 1: { ...first, status: 'active' }, 2: second } }, /states something else/],
      [{ versions: { 2: second } }, /states something else/],
      [{ entry: entry.toString('base64') }, /its entry (breaks the rule|is zdpu)/],
      [{ entry: null }, /it holds no entry/],
    ]
    for (const [over, problem] of cases) {
      const { code, out } = await verify([statement, { ...statement, ...over }])
      assert.equal(code, 1, JSON.stringify(over))
      assert.match(out, /^NOT VALID: /m)
      assert.match(out, problem)
      assert.match(out, /^2 checked, 1 not valid$/m)
    }
  })

  it('says so in one line when the file holds no statements', async () => {
    for (const content of ['{', [], [7], 'null']) {
      const { code, error } = await verify(content)
      assert.equal(code, 1)
      assert.match(error, /^wesense-node: the file [^\n]+\n$/)
    }
    const { error } = await runCommand(['trust', 'verify', 'gone.json'])
    assert.match(error, /gone\.json cannot be read \(ENOENT\)/)
  })
})
