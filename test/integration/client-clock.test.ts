import assert from 'node:assert/strict'
import { it, suite } from 'node:test'

import { type ClockedPage, startClockedPage } from '../support/clocked-page.ts'
import { type PublicRelay, publicRelay } from '../support/public-relay.ts'
import { waitFor } from '../support/wait-for.ts'

const MINUTE_MS = 60_000
/** A place lasts half an hour. */
const MINUTES_IN_TIME = 29
/** When it is asked for again at the latest, where all is well. */
const MINUTES_AT_ONCE = 20
const STEP_MS = 250

/** When the place of the only page there ends; null while it has none. */
function endOfPlace({ station }: PublicRelay): number | null {
  const [place] = station.node.network.relay()?.status.reservations ?? []
  return place?.expiresAtMs ?? null
}

async function untilReserved(page: ClockedPage): Promise<void> {
  await waitFor(async () => (await page.see()).isReserved.every(Boolean), {
    timeoutMs: 10_000,
    message: 'the page has a place everywhere',
  })
}

/** For the page the time passes that its places last, and each of them then lasts longer. */
async function untilRefreshed(page: ClockedPage, relays: readonly PublicRelay[]): Promise<void> {
  const ends = relays.map(endOfPlace)
  await page.pass(MINUTES_AT_ONCE * MINUTE_MS)
  let [left, nextAtMs] = [MINUTES_IN_TIME - MINUTES_AT_ONCE, 0]
  await waitFor(
    async () => {
      // No time passes for the relays, and what they are asked takes them some.
      if (left > 0 && performance.now() >= nextAtMs) {
        await page.pass(MINUTE_MS)
        left -= 1
        nextAtMs = performance.now() + STEP_MS
      }
      return relays.every((one, i) => Number(endOfPlace(one)) > Number(ends[i]))
    },
    { timeoutMs: 10_000, message: 'each place is asked for again' },
  )
}

suite('a page whose clock is wrong', () => {
  for (const [what, minutes] of [
    ['40 minutes ahead', 40],
    ['a day ahead', 24 * 60],
    ['an hour behind', -60],
    ['a day behind', -24 * 60],
  ] as const) {
    it(`gets its place and keeps it: ${what}`, async (t) => {
      const here = await publicRelay(t)
      const aheadMs = minutes * MINUTE_MS
      const page = await startClockedPage(t, { bootstrap: here.address, aheadMs })
      await untilReserved(page)
      await untilRefreshed(page, [here])
      await untilReserved(page)
    })
  }

  it('keeps its place when the clock is set back meanwhile', async (t) => {
    const here = await publicRelay(t)
    const page = await startClockedPage(t, { bootstrap: here.address, aheadMs: 60 * MINUTE_MS })
    await untilReserved(page)
    await page.setClock(0)
    // Once as it was asked for by the old clock, once by the new one.
    await untilRefreshed(page, [here])
    await untilRefreshed(page, [here])
    await untilReserved(page)
  })

  it('takes the list of a node for what it is, and finds and reaches another page', async (t) => {
    const { url } = await publicRelay(t)
    const ahead = await startClockedPage(t, { bootstrap: url, aheadMs: 40 * MINUTE_MS })
    const behind = await startClockedPage(t, { bootstrap: url, aheadMs: -60 * MINUTE_MS })
    const { peerId } = await behind.see()
    await waitFor(async () => (await ahead.see()).linked.includes(peerId), {
      timeoutMs: 10_000,
      message: 'they are linked',
    })
  })

  it('reads what stations wrote though it is from its future', async (t) => {
    const { station, url } = await publicRelay(t)
    const page = await startClockedPage(t, { bootstrap: url, aheadMs: -60 * MINUTE_MS })
    await waitFor(
      async () => {
        const { authors, refused } = await page.readRegistry()
        assert.deepEqual([authors, refused], [[station.peerId], 0])
        return true
      },
      { timeoutMs: 10_000, message: 'the station is there, and none is refused' },
    )
  })
})

it('a page asks each of its relays again, though they are all due at once', async (t) => {
  const relays = [await publicRelay(t), await publicRelay(t), await publicRelay(t)]
  const bootstrap = relays.map(({ address }) => address)
  const page = await startClockedPage(t, { bootstrap, aheadMs: 0 })
  await untilReserved(page)
  await untilRefreshed(page, relays)
})
