import assert from 'node:assert/strict'
import { test } from 'node:test'

import { openPage, startBrowser, startBrowserNode, type TestPage } from '../support/browser.ts'
import { idOf, type Timeline, untilBootstrap, untilLinked } from '../support/browser-links.ts'
import { createBrowserNet } from '../support/browser-net.ts'
import { makePair, PairFolder } from '../support/certificates.ts'
import { tempDir } from '../support/temp-dir.ts'
import { waitFor } from '../support/wait-for.ts'

const RENEWALS = 4
const PAGES = 6

test('pages come over TLS while the certificate is replaced again and again, and none is cut off', async (t) => {
  const dir = await tempDir(t)
  const folder = new PairFolder(dir)
  const pairs = await Promise.all(Array.from({ length: RENEWALS + 1 }, () => makePair(dir)))
  const [first, ...further] = pairs
  assert.ok(first !== undefined)
  await folder.write(first)
  const net = await createBrowserNet(t)
  const tls = { TLS_ENABLED: 'true', TLS_CERTFILE: folder.certFile, TLS_KEYFILE: folder.keyFile }
  const { program, addresses } = await startBrowserNode(t, { net, env: tls })
  const browser = await startBrowser(t, { net, flags: ['--ignore-certificate-errors'] })
  const renewals = () =>
    program.records().filter(({ msg }) => msg === 'Certificate is renewed').length

  const pages: TestPage[] = []
  const come = async () => {
    for (let page = 0; page < PAGES; page++) {
      const bootstrap = addresses[page % addresses.length]?.replace('/ws/', '/tls/ws/')
      pages.push(await openPage(browser, { connect: { bootstrap } }))
    }
  }
  const renew = async () => {
    for (const [index, pair] of further.entries()) {
      await folder.relink(pair)
      await waitFor(() => renewals() > index, { timeoutMs: 30_000, message: 'it is taken up' })
    }
  }
  const startedAtMs = performance.now()
  await Promise.all([come(), renew()])
  const tookMs = Math.round(performance.now() - startedAtMs)

  for (const page of pages) await untilBootstrap(page, { isReserved: true })
  const [one, last] = [pages[0], pages.at(-1)]
  assert.ok(one !== undefined && last !== undefined)
  await untilLinked(one, last, { link: 'direct' })
  assert.equal(await one.call('echo', await idOf(last), 'over TLS'), 'over TLS')
  const told = await Promise.all(pages.map((page) => page.call<Timeline>('timeline')))
  // Nobody who was connected ever was not, and no handshake failed.
  for (const { statuses } of told) {
    const connected = statuses.map(({ bootstraps }) => bootstraps[0]?.isConnected === true)
    assert.equal(connected.indexOf(false, connected.indexOf(true)), -1)
    assert.deepEqual(
      statuses.flatMap(({ bootstraps }) => bootstraps[0]?.problem ?? []),
      [],
    )
  }
  t.diagnostic(`${PAGES} pages came during ${renewals()} renewals in ${tookMs} ms`)
  assert.equal(renewals(), RENEWALS)
})
