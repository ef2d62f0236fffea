import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { createPagesMetrics } from '../../../../src/network/discovery/pages/metrics.ts'
import { Pages, type PagesOptions } from '../../../../src/network/discovery/pages/pages.ts'
import { LIMIT_KNOWN } from '../../../../src/network/discovery/pages/watcher.ts'
import { verifyPeerRecord } from '../../../../src/network/discovery/peer-record.ts'
import type { PeerStream } from '../../../../src/network/types.ts'
import { createMetrics, silentLogger } from '../../../../src/telemetry/index.ts'
import { FrameReader } from '../../../../src/wire/frames.ts'
import {
  decodeNews,
  encodeOwnRecord,
  LIMIT_TOLD_BYTES,
  type PagesNews,
  pagesProtocol,
} from '../../../../src/wire/pages.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { ManualClock, PEERS } from '../fakes.ts'
import { forgePeer, type SignedPeer, signPeer, streamPair } from './exchange-fakes.ts'

const [RELAY] = PEERS
const HERE = `/ip4/192.0.2.1/tcp/4003/ws/p2p/${RELAY}/p2p-circuit/webrtc`
const NEVER = new AbortController().signal

/** A relay, and what it counted. */
async function relay(t: TestContext, options: Partial<PagesOptions> = {}) {
  const held = new Set<string>()
  const clock = new ManualClock()
  const registry = createMetrics()
  let serve: (stream: PeerStream) => Promise<void> = async () => {}
  const pages: Pages = new Pages(
    { protocol: pagesProtocol('test'), limit: 100, ...options },
    {
      transport: {
        peerId: RELAY,
        handle: async (_protocol, handler) => {
          serve = handler
        },
        unhandle: async () => {},
      },
      reservations: () => held,
      logger: silentLogger,
      metrics: createPagesMetrics(registry, {
        streams: () => pages.streams,
        present: () => pages.present,
      }),
      clock,
    },
  )
  await pages.start()
  t.after(() => pages.stop())
  return { pages, held, clock, registry, open: (stream: PeerStream) => serve(stream) }
}

type Relay = Awaited<ReturnType<typeof relay>>

class Page {
  readonly peer: SignedPeer
  readonly #stream: PeerStream
  readonly served: Promise<void>
  readonly news: PagesNews[] = []
  isOpen = true

  constructor({ open }: Pick<Relay, 'open'>, peer: SignedPeer) {
    this.peer = peer
    const [mine, theirs] = streamPair(peer.peerId, RELAY)
    this.#stream = mine
    this.served = open(theirs)
    this.#read().finally(() => {
      this.isOpen = false
    })
  }

  async tell(record: Uint8Array = this.peer.envelope): Promise<void> {
    await this.#stream.send(encodeOwnRecord(record), NEVER)
  }

  async send(bytes: Uint8Array): Promise<void> {
    await this.#stream.send(bytes, NEVER)
  }

  async leave(): Promise<void> {
    await this.#stream.close(NEVER)
    await this.served
  }

  get gone(): string[] {
    return this.news.flatMap(({ gone }) => gone)
  }

  /** Peer IDs that it was told of, in turn. */
  async told(): Promise<string[]> {
    const records = this.news.flatMap((one) => one.records)
    return Promise.all(records.map(async (one) => (await verifyPeerRecord(one)).peerId))
  }

  async #read(): Promise<void> {
    const frames = new FrameReader(LIMIT_TOLD_BYTES)
    try {
      for await (const chunk of this.#stream.chunks()) {
        for (const content of frames.push(chunk)) this.news.push(decodeNews(content))
      }
    } catch {
      // Reset.
    }
  }
}

/** A page that has a place, and has told where it can be reached. */
async function present(on: Relay, signed?: SignedPeer): Promise<Page> {
  const peer = signed ?? (await signPeer([HERE]))
  on.held.add(peer.peerId)
  const page = new Page(on, peer)
  const before = on.pages.present
  await page.tell()
  await waitFor(() => on.pages.present > before, { message: 'one more is present' })
  return page
}

async function counted(on: Relay, sample: string): Promise<void> {
  await waitFor(async () => (await on.registry.text()).includes(sample), { message: sample })
}

describe('pages of a relay', () => {
  it('are told of each other, those that were here and those that come', async (t) => {
    const on = await relay(t)
    const first = await present(on)
    const second = await present(on)
    await waitFor(async () => (await first.told()).length === 1, { message: 'the first is told' })
    await waitFor(async () => (await second.told()).length === 1, { message: 'the second is told' })
    assert.deepEqual(await first.told(), [second.peer.peerId])
    assert.deepEqual(await second.told(), [first.peer.peerId])
    await second.leave()
    await waitFor(() => first.gone.length === 1, { message: 'a farewell' })
    assert.deepEqual(first.gone, [second.peer.peerId])
    assert.match(await on.registry.text(), /wesense_pages_records_told_total 2/)
    assert.match(await on.registry.text(), /wesense_pages_streams_ended_total{reason="left"} 1/)
    assert.match(await on.registry.text(), /wesense_pages_streams 1/)
    assert.match(await on.registry.text(), /wesense_pages_present 1/)
  })

  it('that hold no place are told of others, and others not of them', async (t) => {
    const on = await relay(t)
    const first = await present(on)
    const stranger = new Page(on, await signPeer([HERE]))
    await stranger.tell()
    await counted(on, 'records_received_total{verdict="no_reservation"} 1')
    await waitFor(async () => (await stranger.told()).length === 1, { message: 'it is told' })
    assert.deepEqual(await first.told(), [])
  })

  it('that lose their place are gone for the others within seconds', async (t) => {
    const on = await relay(t)
    const first = await present(on)
    const second = await present(on)
    await waitFor(async () => (await first.told()).length === 1, { message: 'the first is told' })
    on.held.delete(second.peer.peerId)
    await on.clock.advance(5_000)
    await waitFor(() => first.gone.length === 1, { message: 'a farewell' })
    assert.equal(on.pages.present, 1)
    on.held.add(second.peer.peerId)
    await on.clock.advance(5_000)
    await waitFor(async () => (await first.told()).length === 2, { message: 'it is told again' })
    assert.equal(on.pages.present, 2)
  })

  it('speak for themselves alone: forged, foreign and old records are not passed on', async (t) => {
    const on = await relay(t)
    const first = await present(on)
    const liar = await signPeer([HERE], { seq: 5n })
    on.held.add(liar.peerId)
    const page = new Page(on, liar)
    const other = await signPeer([HERE])
    for (const record of [await forgePeer(), new Uint8Array(9), other.envelope]) {
      await page.tell(record)
    }
    await counted(on, 'verdict="invalid"} 2')
    await counted(on, 'verdict="foreign"} 1')
    await page.tell()
    await page.tell()
    await counted(on, 'verdict="stale"} 1')
    await waitFor(async () => (await first.told()).length === 1, { message: 'its own is told' })
    assert.deepEqual(await first.told(), [liar.peerId])
  })

  it('that can be reached elsewhere alone are not passed on', async (t) => {
    const on = await relay(t)
    const elsewhere = await signPeer(['/ip4/192.0.2.9/tcp/4002'])
    on.held.add(elsewhere.peerId)
    const page = new Page(on, elsewhere)
    await page.tell()
    await counted(on, 'verdict="elsewhere"} 1')
    assert.equal(on.pages.present, 0)
  })

  it(`know ${LIMIT_KNOWN} others at most, until some of those are gone`, async (t) => {
    const on = await relay(t)
    const first = await present(on)
    const others: Page[] = []
    for (let n = 0; n < LIMIT_KNOWN + 3; n++) others.push(await present(on))
    await waitFor(async () => (await first.told()).length === LIMIT_KNOWN, {
      message: 'all it may',
    })
    const last = await present(on)
    await waitFor(async () => (await last.told()).length === LIMIT_KNOWN, { message: 'the last' })
    assert.equal((await first.told()).length, LIMIT_KNOWN)
    await others[0]?.leave()
    await waitFor(() => first.gone.length === 1, { message: 'a farewell' })
    const next = await present(on)
    await waitFor(async () => (await first.told()).includes(next.peer.peerId), { message: 'room' })
  })

  it('are told 64 news at once, and then 16 a second', async (t) => {
    const on = await relay(t)
    const first = await present(on)
    // Each comes and goes, so that the number it may know is no bound here.
    for (let n = 0; n < 40; n++) await (await present(on)).leave()
    await waitFor(() => on.clock.sleeping >= 2, { message: 'it waits for its turn' })
    const before = (await first.told()).length + first.gone.length
    assert.ok(before <= 64, `${before}`)
    for (let n = 0; n < 4; n++) await on.clock.advance(500)
    await waitFor(async () => (await first.told()).length + first.gone.length > before, {
      message: 'the rest follows',
    })
  })

  it('are limited in all, and have one stream each: the newer one', async (t) => {
    const on = await relay(t, { limit: 2 })
    const first = await present(on)
    const second = await present(on)
    const third = new Page(on, await signPeer([HERE]))
    await third.served
    await counted(on, 'streams_ended_total{reason="full"} 1')
    assert.ok(!third.isOpen)
    const again = new Page(on, second.peer)
    await second.served
    await counted(on, 'streams_ended_total{reason="replaced"} 1')
    assert.ok(again.isOpen && first.isOpen)
    assert.equal(on.pages.streams, 2)
  })

  it('that ask or tell too often are reset, and may again later', async (t) => {
    const on = await relay(t)
    const page = await present(on)
    for (let n = 0; n < 7; n++) await page.tell()
    await page.served
    await counted(on, 'streams_ended_total{reason="requests"} 1')
    const refused = new Page(on, page.peer)
    await refused.served
    await counted(on, 'streams_ended_total{reason="requests"} 2')
    await on.clock.advance(5_000)
    assert.ok(new Page(on, page.peer).isOpen)
    assert.equal(on.pages.streams, 1)
  })

  it('that break the format, or send more than a record, are reset', async (t) => {
    const on = await relay(t)
    const malformed = new Page(on, await signPeer([HERE]))
    await malformed.send(Uint8Array.of(2, 0xff, 0xff))
    await malformed.served
    const long = new Page(on, await signPeer([HERE]))
    await long.send(Uint8Array.of(0xff, 0xff, 0x7f))
    await long.served
    await counted(on, 'streams_ended_total{reason="malformed"} 2')
    assert.equal(on.pages.streams, 0)
  })

  it('that do not read are let go', async (t) => {
    const on = await relay(t, { sendDeadlineMs: 20 })
    await present(on)
    const peer = await signPeer([HERE])
    const [, theirs] = streamPair(peer.peerId, RELAY)
    const served = on.open({ ...theirs, peerId: peer.peerId, send: () => new Promise(() => {}) })
    await served
    await counted(on, 'streams_ended_total{reason="slow"} 1')
  })

  it('are let go when the relay stops, which it does twice if asked to', async (t) => {
    const on = await relay(t)
    const page = await present(on)
    await on.pages.stop()
    await on.pages.stop()
    await page.served
    assert.equal(on.pages.streams, 0)
    await counted(on, 'streams_ended_total{reason="stopped"} 1')
  })
})
