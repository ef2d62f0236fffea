import assert from 'node:assert/strict'
import { test } from 'node:test'

import { openPage, startBrowser, startBrowserNode } from '../support/browser.ts'
import { untilBootstrap, untilLinked } from '../support/browser-links.ts'
import { createBrowserNet } from '../support/browser-net.ts'
import { makePair, PairFolder } from '../support/certificates.ts'
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

test('two pages meet at a node that has no name and no certificate, by WebRTC-direct', async (t) => {
  const net = await createBrowserNet(t)
  const { program } = await startBrowserNode(t, { net, env: { WEBRTC_DIRECT_PORT: '4005' } })
  const address = program.addresses.find((one) => one.includes('/webrtc-direct/'))
  assert.match(address ?? '', new RegExp(`^/ip4/${net.ips[0]}/udp/4005/webrtc-direct/certhash/u`))
  const browser = await startBrowser(t, { net })
  const bootstrap = `${address}/p2p/${program.peerId}`
  const first = await openPage(browser, { connect: { bootstrap } })
  const second = await openPage(browser, { connect: { bootstrap } })
  await untilLinked(first, second, { link: 'direct' })
  await untilLinked(second, first, { link: 'direct' })
})
