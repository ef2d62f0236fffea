import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Acquaintances, type StandingSources } from '../../../src/network/standing.ts'

const HOUR_MS = 3_600_000

function sources(overrides: Partial<StandingSources> = {}): StandingSources {
  return {
    isSeed: (peerId) => peerId === 'seed',
    isOwnRelay: (peerId) => peerId === 'relay',
    addressBook: { candidates: () => [] },
    members: members({ member: ['member', 'gone bad'], trusted: ['trusted'], revoked: [] }),
    ...overrides,
  }
}

type Lists = Readonly<Record<'member' | 'trusted' | 'revoked', readonly string[]>>

function members({ member, trusted, revoked }: Lists, isReady = true) {
  return {
    isReady,
    isMember: (peerId: string) => member.includes(peerId),
    isTrusted: (peerId: string) => trusted.includes(peerId),
    isRevoked: (peerId: string) => revoked.includes(peerId),
  }
}

function standings(sut: Acquaintances, ...peers: string[]): string[] {
  return peers.map((peerId) => sut.standingOf(peerId))
}

test('the registry makes members, the operator and this node itself make familiar ones', () => {
  const sut = new Acquaintances(['named'])
  assert.deepEqual(standings(sut, 'named', 'seed'), ['familiar', 'stranger'])
  sut.attach(sources())
  assert.deepEqual(standings(sut, 'named', 'seed', 'relay', 'member', 'trusted', 'anybody'), [
    'familiar',
    'familiar',
    'familiar',
    'member',
    'member',
    'stranger',
  ])
})

test('whose trust was taken back is a stranger, but not to the operator who wrote it down', () => {
  const all = ['named', 'seed', 'member', 'old']
  const sut = new Acquaintances(['named'])
  sut.attach(
    sources({
      members: members({ member: all, trusted: all, revoked: all }),
      addressBook: book('old'),
    }),
  )
  assert.deepEqual(standings(sut, ...all), ['familiar', 'familiar', 'stranger', 'stranger'])
})

test('before the registry is open nobody is a member', () => {
  const sut = new Acquaintances([])
  sut.attach(
    sources({ members: members({ member: ['m'], trusted: ['m'], revoked: ['m'] }, false) }),
  )
  assert.deepEqual(standings(sut, 'm', 'seed'), ['stranger', 'familiar'])
})

test('the address book vouches for whom it had at the start, and for others after an hour', () => {
  let nowMs = 5
  const peers = ['old']
  const sut = new Acquaintances([])
  const addressBook = { candidates: () => peers.flatMap((peerId) => book(peerId).candidates()) }
  sut.attach(sources({ addressBook, monotonicMs: () => nowMs }))
  assert.deepEqual(standings(sut, 'old', 'new'), ['familiar', 'stranger'])
  peers.push('new')
  nowMs += 60_000
  assert.deepEqual(standings(sut, 'old', 'new'), ['familiar', 'stranger'])
  nowMs += HOUR_MS - 1
  assert.deepEqual(standings(sut, 'new'), ['stranger'])
  nowMs += 1
  assert.deepEqual(standings(sut, 'new'), ['familiar'])
  peers.shift()
  nowMs += 60_000
  assert.deepEqual(standings(sut, 'old', 'new'), ['stranger', 'familiar'])
})

function book(peerId: string): StandingSources['addressBook'] {
  return { candidates: () => [{ source: 'address-book', peerId, addresses: [] }] }
}
