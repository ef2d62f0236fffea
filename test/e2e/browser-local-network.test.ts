import { execFile } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { Browser } from 'playwright-core'

import { openPage, startBrowser, startBrowserNode } from '../support/browser.ts'
import { ExampleTab, startExample } from '../support/browser-example.ts'
import { untilBootstrap } from '../support/browser-links.ts'
import { type BrowserNet, createBrowserNet } from '../support/browser-net.ts'
import { Scope } from '../support/network.ts'

/** As a router at home gives it. */
const PRIVATE_IP = '192.168.77.5'
const BOOTSTRAP = `ws://${PRIVATE_IP}:4003`

describe('a node at a private address', () => {
  const scope = new Scope()
  let net: BrowserNet
  let browser: Browser

  before(async () => {
    net = await createBrowserNet(scope)
    const address = ['addr', 'add', `${PRIVATE_IP}/32`, 'dev', 'cable']
    await promisify(execFile)('ip', ['-n', net.name, ...address])
    await startBrowserNode(scope, { net })
    browser = await startBrowser(scope, { net })
  })
  after(() => scope.end())

  it('is reached by a page that this machine serves itself', async (t) => {
    const { url } = await startExample(t, net)
    const tab = await ExampleTab.open(await browser.newContext(), `${url}?bootstrap=${BOOTSTRAP}`)
    await tab.page.getByRole('status').getByText('Connected to the node').waitFor()
    await tab.page.context().close()
  })

  it('is reached by a page from elsewhere once the user allows it, and not before', async () => {
    // The driver answers for its server, which to Chromium is none of this machine's.
    const page = await openPage(browser, { connect: { bootstrap: BOOTSTRAP } })
    await untilBootstrap(page, { isConnected: false, problem: 'unreachable' })
    await page.page.context().grantPermissions(['local-network-access'])
    await untilBootstrap(page, { isConnected: true, problem: null })
    await page.close()
  })
})
