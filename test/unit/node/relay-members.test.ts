import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { LateRelayMembers, RegistryRelayMembers } from '../../../src/node/relay-members.ts'
import { createTrustPolicy } from '../../../src/registry/trust/policy.ts'
import type {
  DatabaseName,
  RegistryRecord,
  RegistryView,
  TrustPolicy,
} from '../../../src/registry/types.ts'

/** Claims in memory, each of one author on one local ID. */
class Claims {
  readonly records: RegistryRecord[] = []
  /** One for each revision. */
  readonly changed: string[] = []
  lists = 0
  /** Claims that were looked at one by one. */
  looks = 0
  /** What is shown before it joins a log. */
  readonly shown = new Set<string>()

  state(database: DatabaseName, author: string, localId: string, value: object = {}): void {
    const clockMs = this.changed.push(localId)
    const key = `${author}/${localId}`
    const entryHash = `hash-${clockMs}`
    const index = this.records.findIndex(
      (known) => known.key === key && known.database === database,
    )
    const record = { database, key, author, localId, value, clockMs, entryHash } as RegistryRecord
    this.records.splice(index < 0 ? this.records.length : index, index < 0 ? 0 : 1, record)
  }

  join(localId: string): void {
    this.changed.push(localId)
    this.shown.delete(localId)
  }

  forget(localId: string): void {
    this.changed.push(localId)
    const index = this.records.findIndex((known) => known.localId === localId)
    this.records.splice(index, 1)
  }

  readonly #of = (database: DatabaseName) =>
    this.records.filter((record) => record.database === database)

  readonly #on = (database: DatabaseName, localId: string) =>
    this.#of(database).filter((record) => record.localId === localId)

  readonly view = {
    list: (database: DatabaseName) => {
      this.lists += 1
      return this.#of(database)
    },
    idsOf: (database: DatabaseName, author: string) => {
      const ids = this.#of(database).filter((record) => record.author === author)
      this.looks += ids.length
      return ids.map(({ localId }) => localId).filter((localId) => !this.shown.has(localId))
    },
    revision: () => this.changed.length,
    changedSince: (database: DatabaseName, revision: number) =>
      database === 'nodes' ? this.changed.slice(revision) : null,
    get: (database: DatabaseName, localId: string) =>
      this.#of(database).find((record) => record.localId === localId) ?? null,
    claims: (database: DatabaseName, localId: string) => this.#on(database, localId),
    claimOf: (database: DatabaseName, localId: string, author: string) =>
      this.#on(database, localId).find((record) => record.author === author) ?? null,
    claimCount: (database: DatabaseName, localId: string) => this.#on(database, localId).length,
    authorsOf: (database: DatabaseName, localId: string) =>
      this.#on(database, localId).map(({ author }) => author),
    localIds: (database: DatabaseName) => this.#of(database).map(({ localId }) => localId),
    changedClaims: () => null,
    ownerOf: (database: DatabaseName, localId: string) =>
      this.#of(database).find((record) => record.localId === localId)?.author ?? null,
  } as unknown as RegistryView
}

function bench(authorities: readonly string[] = []) {
  const claims = new Claims()
  const clock = { ms: 0 }
  const { view } = claims
  const policy = createTrustPolicy({ authorities, ownPeerId: 'own' }, { view })
  const trust: TrustPolicy & { looks: number } = {
    looks: 0,
    authorities: policy.authorities,
    ownPeerId: policy.ownPeerId,
    isOwnWordForAll: false,
    decide: () => policy.decide(),
    settle: () => policy.settle(),
    standsAgainstOwn: (localId) => policy.standsAgainstOwn(localId),
    statementsAbout: (...args) => {
      trust.looks += 1
      return policy.statementsAbout(...args)
    },
  }
  const members = new RegistryRelayMembers({
    view,
    trust,
    isOpen: () => true,
    monotonicMs: () => clock.ms,
  })
  return { claims, clock, members, trust }
}

const KEY = 'OAKdL1PQuoNGOgjQbMuHMyDUPI0ImxPCkmcC8qHxVP8='
const keys = (status: 'active' | 'revoked', key = KEY) => ({
  versions: { 1: { public_key: key, status, added: '2026-01-01T00:00:00.000Z' } },
})
const vouch = (peerId: string, status: 'active' | 'revoked') => ({ peer_id: peerId, status })

describe('who is a member for the relay', () => {
  it('is who wrote a node record, and whom one names', () => {
    const { claims, members } = bench()
    claims.state('nodes', 'author', 'meshtastic-42')
    claims.state('nodes', 'sponsor', 'guest')
    claims.state('stores', 'keeper', 'store-1')
    const known = ['author', 'sponsor', 'guest', 'keeper', '', '__proto__'].filter((peerId) =>
      members.isMember(peerId),
    )
    assert.deepEqual(known, ['author', 'sponsor', 'guest'])
  })

  it('is at once who comes, and within a second no more who goes', () => {
    const { claims, clock, members } = bench()
    assert.equal(members.isMember('author'), false)
    claims.state('nodes', 'author', 'ingester')
    assert.deepEqual([members.isMember('author'), members.isMember('ingester')], [true, true])
    claims.forget('ingester')
    assert.equal(members.isMember('author'), true)
    clock.ms += 1_000
    assert.equal(members.isMember('author'), false)
    assert.equal(claims.lists, 2)
  })

  it('is listed once a second at most, and only when something changed', () => {
    const { claims, clock, members } = bench()
    for (let second = 0; second < 10; second++) {
      claims.state('nodes', 'author', `${second}`)
      for (let time = 0; time < 100; time++) members.isMember('author')
      clock.ms += 1_000
    }
    assert.equal(claims.lists, 10)
    for (let second = 0; second < 100; second++) {
      members.isMember('author')
      clock.ms += 1_000
    }
    assert.equal(claims.lists, 10)
  })

  it('is looked at every ten minutes even so: a record may have lapsed', () => {
    const { claims, clock, members } = bench()
    members.isMember('author')
    clock.ms += 600_000
    members.isMember('author')
    assert.equal(claims.lists, 2)
  })
})

describe('who is trusted for the relay', () => {
  it('with authorities: they, and whom they vouch for', () => {
    const { claims, members } = bench(['judge'])
    claims.state('trust', 'judge', 'vouch:friend', vouch('friend', 'active'))
    claims.state('trust', 'nobody', 'vouch:rogue', vouch('rogue', 'active'))
    claims.state('trust', 'nobody', 'ingester', keys('active'))
    const known = ['judge', 'friend', 'rogue', 'nobody'].filter((id) => members.isTrusted(id))
    assert.deepEqual(known, ['judge', 'friend'])
  })

  it('with authorities: a station whose own key, under its peer ID, they state', () => {
    const { claims, members } = bench(['judge'])
    claims.state('trust', 'judge', 'station', keys('active'))
    assert.equal(members.isTrusted('station'), true)
    claims.state('trust', 'judge', 'station', keys('revoked'))
    assert.equal(members.isTrusted('station'), false)
    assert.equal(members.isRevoked('station'), true)
  })

  it('without: a station whose statement of a key counts, and no one who copies it', () => {
    const { claims, members } = bench()
    claims.state('nodes', 'station', 'ingester')
    claims.state('trust', 'station', 'ingester', keys('active'))
    claims.state('trust', 'copycat', 'ingester', keys('active'))
    assert.equal(members.isTrusted('station'), true)
    assert.equal(members.isTrusted('copycat'), false)
    claims.state('trust', 'station', 'ingester', keys('revoked'))
    assert.equal(members.isTrusted('station'), false)
  })
})

describe('a relay that is asked who is trusted', () => {
  it('trusts whose statement was shown before it joined a log, once it has', () => {
    const { claims, members } = bench()
    claims.shown.add('ingester')
    claims.state('trust', 'station', 'ingester', keys('active'))
    assert.equal(members.isTrusted('station'), false)
    claims.join('ingester')
    assert.equal(members.isTrusted('station'), true)
  })

  it('looks at those alone that it is asked about, whatever else is stated meanwhile', () => {
    const { claims, members, trust } = bench(['judge'])
    for (let i = 0; i < 100; i += 1) {
      claims.state('trust', `s-${i}`, `i-${i}`, keys('active'))
      claims.state('trust', `s-${i}`, `vouch:p-${i}`, vouch(`p-${i}`, 'revoked'))
    }
    const ask = () =>
      ['friend', 's-7', 'judge'].map((id) => [members.isTrusted(id), members.isRevoked(id)])
    ask()
    claims.state('trust', 'judge', 'vouch:friend', vouch('friend', 'revoked'))
    claims.looks = 0
    trust.looks = 0
    assert.deepEqual(ask(), [
      [false, true],
      [false, false],
      [true, false],
    ])
    assert.ok(trust.looks < 10, `${trust.looks} statements`)
    assert.ok(claims.looks < 10, `${claims.looks} claims`)
  })
})

describe('who is revoked for the relay', () => {
  it('is whose vouch an authority revoked, whoever else vouches', () => {
    const { claims, members } = bench(['judge', 'other'])
    claims.state('trust', 'other', 'vouch:friend', vouch('friend', 'active'))
    assert.deepEqual([members.isRevoked('friend'), members.isTrusted('friend')], [false, true])
    claims.state('trust', 'judge', 'vouch:friend', vouch('friend', 'revoked'))
    assert.deepEqual([members.isRevoked('friend'), members.isTrusted('friend')], [true, false])
    claims.state('trust', 'judge', 'vouch:friend', vouch('friend', 'active'))
    assert.equal(members.isRevoked('friend'), false)
  })

  it('is nobody by the word of who is no authority', () => {
    const { claims, members } = bench(['judge'])
    claims.state('trust', 'rogue', 'vouch:friend', vouch('friend', 'revoked'))
    claims.state('trust', 'rogue', 'friend', keys('revoked'))
    assert.equal(members.isRevoked('friend'), false)
    const ungoverned = bench()
    ungoverned.claims.state('trust', 'rogue', 'vouch:friend', vouch('friend', 'revoked'))
    ungoverned.claims.state('trust', 'rogue', 'friend', keys('revoked'))
    assert.equal(ungoverned.members.isRevoked('friend'), false)
  })

  it('is no authority: those are the settings of this node', () => {
    const { claims, members } = bench(['judge', 'other'])
    claims.state('trust', 'judge', 'vouch:other', vouch('other', 'revoked'))
    assert.equal(members.isRevoked('other'), false)
  })
})

describe('the members before there is a registry', () => {
  it('are not known, and known from its opening on', () => {
    const late = new LateRelayMembers()
    assert.deepEqual(
      [late.isReady, late.isMember('a'), late.isTrusted('a'), late.isRevoked('a')],
      [false, false, false, false],
    )
    const { view } = new Claims()
    const trust = createTrustPolicy({ authorities: [], ownPeerId: 'own' }, { view })
    let isOpen = false
    type Registry = Parameters<typeof late.attach>[0]
    const status = () => [{ isOpen }] as ReturnType<Registry['status']>
    late.attach({ view, trust, status })
    assert.equal(late.isReady, false)
    isOpen = true
    assert.equal(late.isReady, true)
  })
})
