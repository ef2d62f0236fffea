import assert from 'node:assert/strict'
import { test } from 'node:test'

import { bundleClient } from '../../scripts/build/client.ts'
import { ORIGIN, openPage, startBrowser, startBrowserNode } from '../support/browser.ts'
import { untilBootstrap } from '../support/browser-links.ts'
import { createBrowserNet } from '../support/browser-net.ts'
import { makePair, PairFolder } from '../support/certificates.ts'
import { PROJECT_ROOT } from '../support/process.ts'
import { tempDir } from '../support/temp-dir.ts'

test('a page stays connected over TLS while the certificate is renewed, and others come', async (t) => {
  const dir = await tempDir(t)
  const folder = new PairFolder(dir)
  await folder.write(await makePair(dir))
  const net = await createBrowserNet(t)
  const tls = { TLS_ENABLED: 'true', TLS_CERTFILE: folder.certFile, TLS_KEYFILE: folder.keyFile }
  const { program, addresses } = await startBrowserNode(t, { net, env: tls })
  // Nobody whom the browser trusts signed it.
  const browser = await startBrowser(t, { net, flags: ['--ignore-certificate-errors'] })
  const bootstrap = addresses[0]?.replace('/ws/', '/tls/ws/')
  const first = await openPage(browser, { connect: { bootstrap } })
  await untilBootstrap(first, { isConnected: true })
  await folder.relink(await makePair(dir))
  await program.record('Certificate is renewed')
  const second = await openPage(browser, { connect: { bootstrap } })
  await untilBootstrap(second, { isConnected: true })
  await untilBootstrap(first, { isConnected: true })
  assert.deepEqual(
    program.records().filter(({ msg }) => msg === 'Peer disconnected'),
    [],
  )
})

test('a page reaches a node by WebRTC-direct, with no name and no certificate', async (t) => {
  const { code } = await bundleClient({
    root: PROJECT_ROOT,
    entry: 'test/support/browser-page/direct-page.ts',
  })
  const net = await createBrowserNet(t)
  const { program } = await startBrowserNode(t, { net, env: { WEBRTC_DIRECT_PORT: '4005' } })
  const address = program.addresses.find((one) => one.includes('/webrtc-direct/'))
  assert.match(address ?? '', new RegExp(`^/ip4/${net.ips[0]}/udp/4005/webrtc-direct/certhash/u`))
  const browser = await startBrowser(t, { net })
  const page = await (await browser.newContext()).newPage()
  await page.route(`${ORIGIN}/**`, (route) =>
    route.fulfill(
      new URL(route.request().url()).pathname === '/page.js'
        ? { contentType: 'text/javascript', body: Buffer.from(code).toString('utf8') }
        : { contentType: 'text/html', body: '<script type="module" src="/page.js"></script>' },
    ),
  )
  await page.goto(ORIGIN, { waitUntil: 'domcontentloaded' })
  await page.waitForFunction('globalThis.test?.isReady === true')
  const target = JSON.stringify(`${address}/p2p/${program.peerId}`)
  assert.equal(await page.evaluate(`globalThis.test.dial(${target})`), 'open')
})
