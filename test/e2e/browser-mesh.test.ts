import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { openPage, startBrowser, startBrowserNode, type TestPage } from '../support/browser.ts'
import { idOf, untilLinked } from '../support/browser-links.ts'
import { createBrowserNet } from '../support/browser-net.ts'
import { waitFor } from '../support/wait-for.ts'

const PAGES = 8

describe('eight pages', () => {
  it('are linked directly with each other, each pair once', async (t) => {
    const net = await createBrowserNet(t)
    const node = await startBrowserNode(t, { net })
    const browser = await startBrowser(t, { net })
    const pages: TestPage[] = []
    for (let page = 0; page < PAGES; page++) {
      const bootstrap = node.addresses[page % node.addresses.length]
      pages.push(await openPage(browser, { connect: { bootstrap } }))
    }
    const openedAtMs = performance.now()
    for (const page of pages) {
      for (const other of pages) {
        if (other !== page) await untilLinked(page, other, { link: 'direct' }, 30_000)
      }
    }
    t.diagnostic(`${Math.round(performance.now() - openedAtMs)} ms after the last was loaded`)
    for (const page of pages) {
      // Where a slow machine let both dial, one of the two connections is closed soon.
      await waitFor(async () => (await directPeers(page)).length === PAGES - 1, {
        timeoutMs: 30_000,
        message: 'each pair is connected once',
      })
      assert.equal(new Set(await directPeers(page)).size, PAGES - 1)
    }
    const [first, last] = [pages[0], pages.at(-1)]
    assert.ok(first !== undefined && last !== undefined)
    assert.equal(await first.call('echo', await idOf(last), 'across'), 'across')
  })
})

async function directPeers(page: TestPage): Promise<string[]> {
  const connections = await page.call<{ peerId: string; address: string }[]>('connections')
  const direct = connections.filter(({ address }) => address.includes('/webrtc'))
  return direct.map(({ peerId }) => peerId)
}
