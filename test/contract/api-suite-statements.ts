import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { derivedId, type OpenStation, publicKey } from './api-suite-station.ts'

/** Trust and attestations: what stations state about others. */
export function statementContract(open: OpenStation): void {
  describe('trust', () => {
    it('keeps each version of a key that is stated', async (t) => {
      const station = await open(t)
      const [first, second] = [publicKey(), publicKey()]
      const state = (public_key: string, key_version: number) =>
        station.put('/trust/ing-1', { public_key, key_version, status: 'active' })
      assert.deepEqual(await state(first, 1), { ok: true, ingester_id: 'ing-1' })
      await state(second, 2)
      const record = await station.get('/trust/ing-1')
      assert.equal(record._id, 'ing-1')
      assert.equal(record.ingester_id, 'ing-1')
      assert.equal(typeof record.updated_at, 'string')
      assert.equal(record.versions['1'].public_key, first)
      assert.equal(record.versions['2'].public_key, second)
      assert.equal(record.versions['2'].status, 'active')
      const { keys } = await station.get('/trust')
      assert.deepEqual(keys, { 'ing-1': record.versions })
      assert.ok(Date.parse(keys['ing-1']['1'].added) > 0)
    })

    it('takes back a record that was read', async (t) => {
      const station = await open(t)
      await station.put('/trust/ing-1', { public_key: publicKey(), key_version: 1 })
      const read = await station.get('/trust/ing-1')
      assert.deepEqual(await station.put('/trust/ing-1', read), { ok: true, ingester_id: 'ing-1' })
      assert.deepEqual((await station.get('/trust/ing-1')).versions, read.versions)
    })

    it('takes a record that was read with one more key beside it', async (t) => {
      const station = await open(t)
      const [first, second] = [publicKey(), publicKey()]
      await station.put('/trust/ing-1', { public_key: first, key_version: 1 })
      const read = await station.get('/trust/ing-1')
      await station.put('/trust/ing-1', { ...read, public_key: second, key_version: 2 })
      const { versions } = await station.get('/trust/ing-1')
      assert.deepEqual([versions['1'].public_key, versions['2'].public_key], [first, second])
    })

    it('gives a version no other key, active or revoked, and names it', async (t) => {
      const station = await open(t)
      const first = publicKey()
      await station.put('/trust/ing-1', { public_key: first, key_version: 1 })
      for (const step of ['active', 'revoked']) {
        const body = { public_key: publicKey(), key_version: 1 }
        const answer = await station.send('/trust/ing-1', { method: 'PUT', body })
        assert.equal(answer.status, 400, step)
        assert.equal(answer.json.code, 'INVALID_RECORD')
        assert.match(answer.json.error, /versions\.1/)
        assert.equal((await station.get('/trust/ing-1')).versions['1'].public_key, first)
        await station.del('/trust/ing-1')
      }
    })

    it('revokes every version and keeps the record', async (t) => {
      const station = await open(t)
      await station.put('/trust/ing-1', { public_key: publicKey(), key_version: 1 })
      await station.put('/trust/ing-1', { public_key: publicKey(), key_version: 2 })
      assert.deepEqual(await station.del('/trust/ing-1'), { ok: true, revoked: 'ing-1' })
      const { versions } = await station.get('/trust/ing-1')
      for (const version of ['1', '2']) {
        assert.equal(versions[version].status, 'revoked')
        assert.ok(Date.parse(versions[version].revoked_at) > 0)
      }
      await station.assertNotFound('/trust/nobody')
      await station.assertNotFound('/trust/nobody', 'DELETE')
    })

    it('states and revokes nothing of an ingester whose keys another station stated', async (t) => {
      const station = await open(t)
      const body = { public_key: publicKey(), key_version: 1 }
      const owner = await station.node.addForeign('trust', 'theirs', body)
      const requests = [{ method: 'PUT', body: { ...body, key_version: 2 } }, { method: 'DELETE' }]
      for (const options of requests) {
        const answer = await station.send('/trust/theirs', options)
        assert.equal(answer.status, 403)
        assert.equal(answer.json.code, 'OWNED_BY_OTHER')
        assert.equal(answer.json.owner, owner)
      }
      assert.equal((await station.get('/trust/theirs')).versions['1'].status, 'active')
    })

    it('takes no key for an ID that is made from another one', async (t) => {
      const station = await open(t)
      const key = publicKey()
      const id = derivedId(key)
      const body = { public_key: publicKey(), key_version: 1 }
      const answer = await station.send(`/trust/${id}`, { method: 'PUT', body })
      assert.equal(answer.status, 400)
      assert.equal(answer.json.code, 'INVALID_RECORD')
      assert.match(answer.json.error, /public_key/)
      await station.put(`/trust/${id}`, { public_key: key })
      assert.equal((await station.get('/trust')).keys[id]['1'].public_key, key)
    })

    it('rotates a key: the new version active, the old one revoked, both seen', async (t) => {
      const station = await open(t)
      const [old, next] = [publicKey(), publicKey()]
      await station.put('/trust/ing-1', { public_key: old, key_version: 1 })
      await station.put('/trust/ing-1', { public_key: next, key_version: 2 })
      await station.put('/trust/ing-1', { public_key: old, key_version: 1, status: 'revoked' })
      const versions = (await station.get('/trust')).keys['ing-1']
      assert.equal(versions['1'].public_key, old)
      assert.equal(versions['1'].status, 'revoked')
      assert.equal(versions['2'].public_key, next)
      assert.equal(versions['2'].status, 'active')
    })

    it('answers 304 while what counts is what the caller has', async (t) => {
      const station = await open(t)
      await station.put('/trust/ing-1', { public_key: publicKey() })
      const first = await station.send('/trust')
      const etag = first.headers.etag ?? ''
      assert.match(etag, /^"[\w-]+"$/)
      for (const tag of [etag, `"other", ${etag}`, `W/${etag}`, '*']) {
        const answer = await station.send('/trust', { headers: { 'if-none-match': tag } })
        assert.deepEqual([answer.status, answer.text, answer.headers.etag], [304, '', etag])
      }
      await station.put('/trust/ing-2', { public_key: publicKey() })
      const second = await station.send('/trust', { headers: { 'if-none-match': etag } })
      assert.equal(second.status, 200)
      assert.notEqual(second.headers.etag, etag)
      assert.deepEqual(Object.keys(second.json.keys), ['ing-1', 'ing-2'])
    })

    it('shows every statement with author, entry and verdict, page by page', async (t) => {
      const station = await open(t)
      const { ownPeerId } = station.node
      const other = await station.node.addForeign('trust', 'theirs', { public_key: publicKey() })
      for (const id of ['a', 'b', 'z'])
        await station.put(`/trust/${id}`, { public_key: publicKey() })
      const seen: string[] = []
      let path = '/trust/statements?limit=3'
      for (;;) {
        const page = await station.get(path)
        assert.deepEqual(page.authorities, [])
        for (const statement of page.statements) {
          assert.match(statement.entry_hash, /^zdpu/)
          const reason = statement.versions['1'].reason
          seen.push(`${statement.ingester_id} ${statement.author === other} ${reason}`)
        }
        if (page.next === null) break
        path = `/trust/statements?limit=3&cursor=${page.next}`
      }
      const own = 'false own-station'
      assert.deepEqual(seen, [`a ${own}`, `b ${own}`, 'theirs true first', `z ${own}`])
      const { statements } = await station.get('/trust/statements?ingester=z&entry=true')
      assert.deepEqual(
        statements.map(({ author }: { author: string }) => author),
        [ownPeerId],
      )
      assert.ok(Buffer.from(statements[0].entry, 'base64').length > 10)
      assert.deepEqual((await station.get('/trust/statements?ingester=nobody')).statements, [])
      for (const query of ['limit=0', 'limit=501', 'limit=x', 'cursor=AA', 'entry=yes']) {
        const answer = await station.send(`/trust/statements?${query}`)
        assert.deepEqual([answer.status, answer.json.code], [400, 'INVALID_QUERY'], query)
      }
    })

    it('keeps vouches apart from keys, and takes them back', async (t) => {
      const station = await open(t)
      const peer = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
      const path = `/trust/vouches/${peer}`
      const done = { ok: true, peer_id: peer, counts: false }
      assert.deepEqual(await station.put(path, {}), done)
      const statuses = async () =>
        (await station.get('/trust/vouches')).vouches.map(
          ({ peer_id, status, counts, reason }: Record<string, unknown>) =>
            `${peer_id === peer} ${status} ${counts} ${reason}`,
        )
      assert.deepEqual(await statuses(), ['true active false not-authority'])
      assert.deepEqual(await station.put(path, { status: 'revoked' }), done)
      assert.deepEqual(await statuses(), ['true revoked false not-authority'])
      assert.deepEqual((await station.get('/trust')).keys, {})
      const { statements } = await station.get('/trust/statements')
      assert.deepEqual([statements.length, statements[0].kind], [1, 'vouch'])
      assert.deepEqual(await station.del(path), { ok: true, deleted: peer })
      assert.deepEqual(await statuses(), [])
      await station.assertNotFound(path, 'DELETE')
    })

    it('takes no ingester with an ID that names vouches or carried entries', async (t) => {
      const station = await open(t)
      for (const id of ['vouch:x', 'carried:x']) {
        const body = { public_key: publicKey() }
        const answer = await station.send(`/trust/${id}`, { method: 'PUT', body })
        assert.deepEqual([answer.status, answer.json.code], [400, 'INVALID_ID'])
      }
    })

    it('refuses a key that is not a raw 32-byte key, naming the field', async (t) => {
      const station = await open(t)
      for (const public_key of ['AAAA', 'not base64', 7, 'A'.repeat(513), undefined]) {
        const body = { public_key, key_version: 1 }
        const answer = await station.send('/trust/ing-1', { method: 'PUT', body })
        assert.equal(answer.status, 400, `${public_key}`)
        assert.equal(answer.json.code, 'INVALID_RECORD')
        assert.match(answer.json.error, /public_key/)
      }
    })
  })

  describe('attestations', () => {
    const HASH = 'c0ffee'.repeat(10)
    const attestation = (ingester_id: string, path = 'nz/akl/2026/05/01.parquet') => ({
      ingester_id,
      signature: 'c2ln',
      iroh_blake3_hash: 'd'.repeat(64),
      path,
    })

    it('keeps attestations apart whose manifest and attester could be taken for one another', async (t) => {
      const station = await open(t)
      await station.put('/attestations/a:b', attestation('c', 'first'))
      await station.put('/attestations/a', attestation('b:c', 'second'))
      const [first, second] = [
        await station.get('/attestations/a:b'),
        await station.get('/attestations/a'),
      ]
      assert.deepEqual([first.path, second.path], ['first', 'second'])
      const listed = (await station.get('/attestations')).attestations
      assert.deepEqual(
        listed.map((one: { _id: string; attestation_count: number }) => [
          one._id,
          one.attestation_count,
        ]),
        [
          ['a', 1],
          ['a:b', 1],
        ],
      )
    })

    it('keeps one attestation per attester and counts them', async (t) => {
      const station = await open(t)
      const attest = (id: string) => station.put(`/attestations/${HASH}`, attestation(id))
      const reply = (attestation_count: number) => ({
        ok: true,
        manifest_hash: HASH,
        attestation_count,
      })
      assert.deepEqual(await attest('ing-1'), reply(1))
      assert.deepEqual(await attest('ing-1'), reply(1))
      assert.deepEqual(await attest('ing-2'), reply(2))
      const manifest = await station.get(`/attestations/${HASH}`)
      assert.equal(manifest.manifest_hash, HASH)
      assert.equal(manifest.attestation_count, 2)
      const attesters = manifest.attestations.map(
        (item: { ingester_id: string }) => item.ingester_id,
      )
      assert.deepEqual(attesters.sort(), ['ing-1', 'ing-2'])
      assert.equal(manifest.attestations[0].signature, 'c2ln')
      assert.deepEqual((await station.get('/attestations')).attestations, [manifest])
      await station.assertNotFound('/attestations/unknown')
    })

    it('lists the manifests of a period', async (t) => {
      const station = await open(t)
      await station.put('/attestations/may', attestation('ing-1', 'nz/akl/2026/05/01.parquet'))
      await station.put('/attestations/june', attestation('ing-1', 'nz/akl/2026/06/01.parquet'))
      const hashes = async (period: string) =>
        (await station.get(`/attestations?period=${period}`)).attestations.map(
          (item: { manifest_hash: string }) => item.manifest_hash,
        )
      assert.deepEqual(await hashes('2026'), ['june', 'may'])
      assert.deepEqual(await hashes('2026/05'), ['may'])
      assert.deepEqual(await hashes('2025'), [])
    })

    it('reaches consensus at the threshold', async (t) => {
      const station = await open(t)
      const consensus = () => station.get(`/attestations/${HASH}/consensus`)
      const reply = (attesters: string[]) => ({
        manifest_hash: HASH,
        attestation_count: attesters.length,
        threshold: 2,
        consensus_reached: attesters.length >= 2,
        attesters,
      })
      assert.deepEqual(await consensus(), reply([]))
      await station.put(`/attestations/${HASH}`, attestation('ing-1'))
      assert.deepEqual(await consensus(), reply(['ing-1']))
      await station.put(`/attestations/${HASH}`, attestation('ing-2'))
      assert.deepEqual(await consensus(), reply(['ing-1', 'ing-2']))
    })

    it('refuses an attestation without attester or signature, naming the field', async (t) => {
      const station = await open(t)
      for (const field of ['ingester_id', 'signature'] as const) {
        const { [field]: _, ...body } = attestation('ing-1')
        const answer = await station.send(`/attestations/${HASH}`, { method: 'PUT', body })
        assert.equal(answer.status, 400)
        assert.equal(answer.json.code, 'INVALID_RECORD')
        assert.match(answer.json.error, new RegExp(field))
      }
    })
  })
}
