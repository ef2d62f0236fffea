import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser } from 'playwright-core'

import type { Stations } from '../../src/client/index.ts'
import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { epochAt } from '../../src/registry/epochs/calendar.ts'
import { logAddress } from '../../src/registry/snapshot/log-name.ts'
import { ORIGIN, openPage, startBrowser, startBrowserNode } from '../support/browser.ts'
import { idOf, untilBootstrap } from '../support/browser-links.ts'
import { type BrowserNet, createBrowserNet } from '../support/browser-net.ts'
import { Scope } from '../support/network.ts'
import { forgeEntry } from '../support/registry.ts'

describe('a page that cannot have what it wants', () => {
  const scope = new Scope()
  let net: BrowserNet
  let browser: Browser

  before(async () => {
    net = await createBrowserNet(scope)
    browser = await startBrowser(scope, { net })
  })
  after(() => scope.end())

  it('is told that the node is of another network', async (t) => {
    const { addresses } = await startBrowserNode(t, { net })
    const page = await openPage(browser, {
      connect: { bootstrap: addresses[0], network: 'elsewhere' },
    })
    await untilBootstrap(page, { isConnected: true, problem: 'other-network' })
    await page.close()
  })

  it('is told that the node relays for nobody', async (t) => {
    const { addresses } = await startBrowserNode(t, { net, env: { RELAY_ENABLED: 'false' } })
    const page = await openPage(browser, { connect: { bootstrap: addresses[0] } })
    await untilBootstrap(page, { isConnected: true, problem: 'no-relay' })
    await page.close()
  })

  it('is told that no handshake succeeds with a node of a private network', async (t) => {
    const env = { NETWORK_KEY: '42'.repeat(32), RELAY_ENABLED: 'false' }
    const { addresses } = await startBrowserNode(t, { net, env })
    const page = await openPage(browser, { connect: { bootstrap: addresses[0] } })
    await untilBootstrap(page, { isConnected: false, problem: 'handshake' })
    await page.close()
  })

  it('is told that the node has no place for it, and hears who is there all the same', async (t) => {
    const guest = await openPage(browser, { connect: { bootstrap: 'ws://203.0.113.1:4003' } })
    const { addresses } = await startBrowserNode(t, {
      net,
      env: { RELAY_POLICY: 'list', RELAY_ALLOW: await idOf(guest) },
    })
    await untilBootstrap(guest, { isReserved: true })
    const stranger = await openPage(browser, { connect: { bootstrap: addresses[0] } })
    await untilBootstrap(stranger, { isConnected: true, isReserved: false, problem: 'no-place' })
    assert.equal((await stranger.call<unknown[]>('peers')).length, 1)
    for (const page of [guest, stranger]) await page.close()
  })

  it('is refused a private network’s key', async () => {
    const page = await openPage(browser, {
      connect: { bootstrap: 'ws://203.0.113.1:4003', networkKey: '42'.repeat(32) },
    })
    const refusal = await page.call<{ code: string }>('refusal')
    assert.equal(refusal.code, 'PRIVATE_NETWORK')
    await page.close()
  })
})

describe('a page that reads the registry', () => {
  it('believes those who signed, and not the server', async (t) => {
    const net = await createBrowserNet(t)
    const browser = await startBrowser(t, { net })
    const identity = await createEphemeralIdentity()
    const address = logAddress(`wesense.nodes.v1.e${epochAt(Date.now())}`)
    const entry = (localId: string) => Buffer.from(forgeEntry({ identity, address, localId }).bytes)
    const changed = entry('bad')
    changed.write('F', changed.indexOf('forged'))
    const page = await openPage(browser, {
      connect: { bootstrap: 'ws://203.0.113.1:4003', registryUrl: ORIGIN },
      answers: {
        '/registry/nodes': {
          network: 'wesense',
          database: 'nodes',
          entries: [entry('good'), changed].map((one) => one.toString('base64')),
          next: null,
        },
      },
    })
    const { nodes, refused } = await page.call<Stations>('nodes')
    assert.deepEqual(
      nodes.map(({ ingesterId }) => ingesterId),
      ['good'],
    )
    assert.equal(refused, 1)
  })
})
