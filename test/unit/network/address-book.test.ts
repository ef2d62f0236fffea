import assert from 'node:assert/strict'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'

import { AddressBook } from '../../../src/network/address-book.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { waitFor } from '../../support/wait-for.ts'
import { ManualClock, PEERS, recordingLogger } from './fakes.ts'

const [A, B] = PEERS
const ADDRESS = '/ip4/192.0.2.1/tcp/4002'

const NONE = { ino: 0n, mtimeNs: 0n }

/** Of as many hosts as wanted, each in a subnet of its own. */
function hostAt(i: number): string {
  return `/ip4/198.${18 + (i >> 8)}.${i & 255}.9/tcp/4002`
}

async function setUp(t: TestContext) {
  const path = join(await tempDir(t), 'network', 'address-book.json')
  const clock = new ManualClock()
  const logger = recordingLogger()
  const open = async () => {
    const book = new AddressBook({ path }, { logger, clock })
    await book.start()
    t.after(() => book.stop())
    return book
  }
  return { path, clock, logger, open }
}

describe('address book', () => {
  it('gives back after a restart who was reached, last one first, working address first', async (t) => {
    const { open } = await setUp(t)
    const book = await open()
    book.record(A, `${ADDRESS}/p2p/${A}`, ['/ip4/192.0.2.2/tcp/4002', ADDRESS])
    book.record(B, '/ip4/192.0.2.3/tcp/4002')
    await book.stop()
    const again = await open()
    assert.deepEqual(again.candidates(), [
      { source: 'address-book', peerId: B, addresses: ['/ip4/192.0.2.3/tcp/4002'] },
      { source: 'address-book', peerId: A, addresses: [ADDRESS, '/ip4/192.0.2.2/tcp/4002'] },
    ])
  })

  it('lets go of addresses that a peer signs no more, but for where it is reached', async (t) => {
    const { open } = await setUp(t)
    const book = await open()
    const at = (n: number) => `/ip4/192.0.2.${n}/tcp/4002`
    for (let n = 1; n <= 8; n++) book.record(A, at(n), [at(n), at(100 + n)])
    assert.deepEqual(book.candidates()[0]?.addresses, [at(8), at(108)])
    book.record(A, at(9), [at(8)])
    assert.deepEqual(book.candidates()[0]?.addresses, [at(9), at(8)])
  })

  it('keeps the addresses of a peer that signs none where it can be dialled', async (t) => {
    const { open } = await setUp(t)
    const book = await open()
    book.record(A, ADDRESS)
    book.record(A, '/ip4/192.0.2.2/tcp/4002', [`${ADDRESS}/p2p/${B}/p2p-circuit`])
    assert.deepEqual(book.candidates()[0]?.addresses, ['/ip4/192.0.2.2/tcp/4002', ADDRESS])
  })

  it('writes at most every 30 s, and not at all when nothing changed', async (t) => {
    const { open, clock, path } = await setUp(t)
    const book = await open()
    const written = () => readFile(path, 'utf8').catch(() => null)
    book.record(A, ADDRESS)
    await clock.advance(29_000)
    assert.equal(await written(), null)
    await clock.advance(1000)
    await waitFor(async () => (await written())?.includes(A), { message: 'it is written' })
    const round = { message: 'the round ended' }
    await waitFor(() => clock.sleeping === 1, round)
    book.noteLeft(A)
    await writeFile(path, '')
    await clock.advance(30_000)
    await waitFor(() => clock.sleeping === 1, round)
    assert.equal(await written(), '')
  })

  describe('whose peers neither come nor go', () => {
    async function setUpSteady(t: TestContext) {
      const { open, clock, path } = await setUp(t)
      const book = await open()
      for (let i = 0; i < 12; i++) book.record(`station-${i}`, hostAt(i))
      /** @returns how many of as many save rounds wrote */
      const rounds = async (count: number) => {
        // Each write makes a new file and puts it in the place of the old one.
        const version = async () => {
          const { ino, mtimeNs } = await stat(path, { bigint: true }).catch(() => NONE)
          return `${ino} ${mtimeNs}`
        }
        let writes = 0
        for (let i = 0; i < count; i++) {
          const before = await version()
          await clock.advance(30_000)
          await waitFor(() => clock.sleeping === 1, { message: 'the round ended' })
          if ((await version()) !== before) writes++
        }
        return writes
      }
      return { book, open, clock, path, rounds }
    }

    it('is written twice in an hour, and then once an hour', async (t) => {
      const { rounds } = await setUpSteady(t)
      assert.equal(await rounds(120), 2, 'that they are there, and that they stayed')
      assert.equal(await rounds(240), 2)
    })

    it('is written within an hour when the clock is set back', async (t) => {
      const { clock, rounds } = await setUpSteady(t)
      assert.equal(await rounds(120), 2)
      clock.setBack(24 * 3_600_000)
      assert.ok((await rounds(120)) >= 1)
    })

    it('is written at the end, with when they were there last', async (t) => {
      const { book, clock, path, rounds } = await setUpSteady(t)
      await rounds(100)
      await book.stop()
      const { peers } = JSON.parse(await readFile(path, 'utf8'))
      assert.deepEqual(
        new Set(peers.map((one: { reachedAtMs: number }) => one.reachedAtMs)),
        new Set([clock.now()]),
      )
    })

    it('is written within 30 s when one comes', async (t) => {
      const { book, rounds } = await setUpSteady(t)
      await rounds(10)
      book.record(A, ADDRESS)
      assert.equal(await rounds(1), 1)
    })
  })

  for (const content of ['{"version":1,"peers":[{"peerId":1}]}', 'not json', '{"version":9}', '']) {
    it(`sets a damaged file aside with one warning: ${content.slice(0, 14)}`, async (t) => {
      const { open, path, logger } = await setUp(t)
      const first = await open()
      first.record(A, ADDRESS)
      await first.stop()
      await writeFile(path, content)
      const book = await open()
      assert.equal(book.size, 0)
      assert.equal(logger.lines.length, 1)
      assert.equal(await readFile(`${path}.corrupt`, 'utf8'), content)
      book.record(B, ADDRESS)
      await book.stop()
      assert.deepEqual((await open()).candidates().length, 1)
    })
  }

  it('holds at most 256 peers with eight addresses each', async (t) => {
    const { open } = await setUp(t)
    const book = await open()
    const many = Array.from({ length: 20 }, (_, i) => `/ip4/198.51.100.${i + 1}/tcp/4002`)
    for (let i = 0; i < 300; i++) book.record(`peer-${i}`, hostAt(i), many)
    assert.equal(book.size, 256)
    assert.equal(book.candidates()[0]?.addresses.length, 8)
  })

  it('forgets none of 20 stations for 256 peers of one host, whether or not they stay', async (t) => {
    const { open, clock } = await setUp(t)
    const book = await open()
    const known = () => book.candidates().map(({ peerId }) => peerId ?? '')
    for (let i = 0; i < 20; i++) book.record(`station-${i}`, hostAt(i))
    for (const stayMs of [0, 61_000]) {
      for (let i = 0; i < 256; i++) book.record(`host-${i}`, `/ip4/203.0.113.7/tcp/${6000 + i}`)
      await clock.advance(stayMs)
      for (let i = 0; i < 256; i++) book.noteLeft(`host-${i}`)
      assert.equal(known().filter((peerId) => peerId.startsWith('station')).length, 20)
      assert.equal(known().filter((peerId) => peerId.startsWith('host')).length, 8)
    }
  })

  it('lets go of who did not stay, in whatever subnet, before those who did', async (t) => {
    const { open, clock } = await setUp(t)
    const book = await open()
    for (let i = 0; i < 200; i++) book.record(`station-${i}`, hostAt(i))
    await clock.advance(60_000)
    for (let i = 0; i < 200; i++) book.noteLeft(`station-${i}`)
    for (let i = 0; i < 300; i++) {
      book.record(`other-${i}`, hostAt(200 + i))
      book.noteLeft(`other-${i}`)
    }
    assert.equal(book.size, 256)
    assert.equal(book.proven().length, 200)
    await book.stop()
    const again = await open()
    assert.equal(again.size, 256)
    assert.equal(again.proven().length, 200)
  })

  it('takes who is connected for a minute for one who was reached just now', async (t) => {
    const { open, clock } = await setUp(t)
    const book = await open()
    book.record(A, ADDRESS)
    await clock.advance(30_000)
    await waitFor(() => clock.sleeping === 1, { message: 'what changed was written' })
    book.record(B, hostAt(1))
    assert.deepEqual(book.proven(), [])
    await clock.advance(30_000)
    await waitFor(() => book.proven().length === 1, { message: 'the minute is over' })
    assert.deepEqual(
      book.candidates().map(({ peerId }) => peerId),
      [A, B],
    )
  })

  it('takes who is connected for one who is reached, also when the clock is set back', async (t) => {
    const { open, clock } = await setUp(t)
    const book = await open()
    book.record(A, ADDRESS)
    clock.setBack(3_600_000)
    await clock.advance(60_000)
    await waitFor(() => book.proven().length === 1, { message: 'the minute is over' })
  })

  it('makes room where most are, of a network that many share too', async (t) => {
    const { open } = await setUp(t)
    const book = await open()
    for (let i = 0; i < 20; i++) book.record(`station-${i}`, hostAt(i))
    for (let i = 0; i < 300; i++) book.record(`lan-${i}`, `/ip4/192.168.0.9/tcp/${6000 + i}`)
    const known = book.candidates().map(({ peerId }) => peerId ?? '')
    assert.equal(known.length, 256)
    assert.equal(known.filter((peerId) => peerId.startsWith('station')).length, 20)
  })

  it('leaves no temporary file behind', async (t) => {
    const { open, path } = await setUp(t)
    const book = await open()
    book.record(A, ADDRESS)
    await book.stop()
    assert.deepEqual(await readdir(join(path, '..')), ['address-book.json'])
  })

  it('warns once while the disk refuses and goes on', async (t) => {
    const { open, path, logger, clock } = await setUp(t)
    await writeFile(join(path, '..'), 'a file where the folder should be')
    const book = await open()
    const before = logger.lines.length
    book.record(A, ADDRESS)
    for (let i = 0; i < 3; i++) {
      await clock.advance(30_000)
      // The loop sleeps again when its attempt has ended.
      await waitFor(() => clock.sleeping === 1, { message: 'the write was not tried' })
    }
    await book.stop()
    assert.equal(logger.lines.length - before, 1)
    assert.equal(book.size, 1)
  })
})
