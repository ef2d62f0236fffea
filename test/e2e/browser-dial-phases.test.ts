import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import type { Browser } from 'playwright-core'

import {
  type BrowserNode,
  openPage,
  startBrowser,
  startBrowserNode,
  type TestPage,
} from '../support/browser.ts'
import { idOf, type Timeline, untilBootstrap, untilLinked } from '../support/browser-links.ts'
import { type BrowserNet, createBrowserNet } from '../support/browser-net.ts'
import { Scope } from '../support/network.ts'
import { waitFor } from '../support/wait-for.ts'

describe('a page whose relay is killed', () => {
  const scope = new Scope()
  let net: BrowserNet
  let browser: Browser

  before(async () => {
    net = await createBrowserNet(scope)
    browser = await startBrowser(scope, { net })
  })
  after(() => scope.end())

  it('in the middle of the handshake comes back, and is linked', async (t) => {
    const node = await startBrowserNode(t, { net })
    // The kernel accepts the connection, and nobody answers.
    node.program.child.kill('SIGSTOP')
    const page = await openPage(browser, { connect: { bootstrap: node.addresses[0] } })
    await waitFor(async () => (await net.openSockets()).includes(':4003'), {
      message: 'the page has a socket to the node',
    })
    await node.program.kill()
    await until(page, 'test.status().bootstraps[0].problem !== null')
    const { statuses } = await timeline(page)
    assert.ok(statuses.every(({ bootstraps }) => bootstraps[0]?.isConnected === false))
    await comesBack(t, node, page)
  })

  it('before it has a place comes back, and is linked', async (t) => {
    const node = await startBrowserNode(t, { net })
    const page = await openPage(browser, { connect: { bootstrap: node.addresses[0] } })
    await until(page, 'test.status().bootstraps[0].isConnected')
    await node.program.kill()
    await untilBootstrap(page, { isConnected: false })
    const { statuses } = await timeline(page)
    const isReserved = statuses.some(({ bootstraps }) => bootstraps[0]?.isReserved)
    t.diagnostic(`killed ${isReserved ? 'after' : 'before'} the place was given`)
    await comesBack(t, node, page)
  })

  it('while two signal through it: both come back, and are linked once', async (t) => {
    const node = await startBrowserNode(t, { net })
    const first = await openPage(browser, { connect: { bootstrap: node.addresses[0] } })
    await untilBootstrap(first, { isReserved: true })
    const second = await openPage(browser, { connect: { bootstrap: node.addresses[1] } })
    await until(second, 'test.peers().some(({ link }) => link !== "none")')
    await node.program.kill()
    await untilBootstrap(second, { isConnected: false })
    const link = (await second.call<{ link: string }[]>('peers'))[0]?.link ?? 'none'
    t.diagnostic(`they were linked at that moment: ${link}`)
    await comesBack(t, node, second, first)
    await first.close()
  })

  /** The node is back; the page holds a place again, and one direct link with another that is there. */
  async function comesBack(
    t: TestContext,
    node: BrowserNode,
    page: TestPage,
    there?: TestPage,
  ): Promise<void> {
    const back = await startBrowserNode(t, { net, folder: node.folder })
    await untilBootstrap(page, { isConnected: true, isReserved: true, problem: null })
    const other = there ?? (await openPage(browser, { connect: { bootstrap: node.addresses[2] } }))
    await untilLinked(page, other, { link: 'direct', isPresent: true })
    await untilLinked(other, page, { link: 'direct', isPresent: true })
    assert.equal(await page.call('echo', await idOf(other), 'back again'), 'back again')
    for (const [one, far] of [
      [page, other],
      [other, page],
    ] as const) {
      await waitFor(async () => (await connectionsTo(one, far)) === 1, {
        timeoutMs: 20_000,
        message: 'nothing is left of the dial that was cut',
      })
    }
    if (there === undefined) await other.close()
    await page.close()
    await back.program.kill()
  }
})

/** Waits for the page's own word, asked every 5 ms: what is measured in tens of them must not be over meanwhile. */
async function until(page: TestPage, expression: string): Promise<void> {
  await page.page.waitForFunction(expression, undefined, { polling: 5, timeout: 20_000 })
}

function timeline(page: TestPage): Promise<Timeline> {
  return page.call('timeline')
}

async function connectionsTo(page: TestPage, other: TestPage): Promise<number> {
  const otherId = await idOf(other)
  const connections = await page.call<{ peerId: string }[]>('connections')
  return connections.filter(({ peerId }) => peerId === otherId).length
}
