import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser, BrowserContext } from 'playwright-core'

import { startBrowser } from '../support/browser.ts'
import { ExampleTab, type RunningExample, startExample } from '../support/browser-example.ts'
import { type BrowserNet, createBrowserNet } from '../support/browser-net.ts'
import { Scope } from '../support/network.ts'

describe('the example, opened as a newcomer would', () => {
  const scope = new Scope()
  let net: BrowserNet
  let browser: Browser
  let example: RunningExample
  let context: BrowserContext

  before(async () => {
    net = await createBrowserNet(scope)
    example = await startExample(scope, net)
    browser = await startBrowser(scope, { net })
    context = await browser.newContext()
  })
  after(() => scope.end())

  it('links two tabs directly, brings a hello across, and keeps the tab’s name over a reload', async () => {
    const first = await ExampleTab.open(context, example.url)
    const second = await ExampleTab.open(context, example.url)
    const [firstId, secondId] = [await first.peerId(), await second.peerId()]
    assert.notEqual(firstId, secondId)
    await first.untilLinked(secondId, 'direct')
    await second.untilLinked(firstId, 'direct')
    await first.say('Is anybody there? <b>')
    await second.untilSaid('Is anybody there? <b>')
    await first.untilSaid('heard by 1')
    await second.page.getByRole('button', { name: /^Say hello to/ }).click()
    await first.untilSaid('Hello!')
    await first.untilSaid('Hello!')
    await first.page.reload()
    assert.equal(await first.peerId(), firstId)
    await second.untilLinked(firstId, 'direct')
    for (const tab of [first, second]) await tab.page.close()
  })

  it('shows the stations whose authors signed', async () => {
    const tab = await ExampleTab.open(context, example.url)
    await tab.page.getByText('Harbour (made up)').waitFor()
    await tab.page.getByText('3 of them, each verified').waitFor()
    await tab.page.close()
  })

  it('gives a duplicated tab a name of its own', async () => {
    const first = await ExampleTab.open(context, example.url)
    const firstId = await first.peerId()
    const key = await first.page.evaluate<string>("sessionStorage.getItem('two-tabs-key')")
    const second = await context.newPage()
    await second.addInitScript(`sessionStorage.setItem('two-tabs-key', ${JSON.stringify(key)})`)
    await second.goto(example.url)
    assert.notEqual(await new ExampleTab(second).peerId(), firstId)
    for (const page of [first.page, second]) await page.close()
  })

  it('fits a narrow window', async () => {
    const narrow = await browser.newContext({ viewport: { width: 320, height: 640 } })
    const tab = await ExampleTab.open(narrow, example.url)
    await tab.until('#stations li').waitFor()
    const width = await tab.page.evaluate<number>('document.documentElement.scrollWidth')
    assert.equal(width, 320)
    await narrow.close()
  })

  for (const [what, query, text] of [
    ['no node answers', 'bootstrap=ws://127.0.0.1:1', /^No node answers/],
    ['it was given no address', 'bootstrap=nonsense', /neither a multiaddr nor/],
    ['the node is of another network', null, /belongs to another network/],
  ] as const) {
    it(`says in words that ${what}`, async () => {
      const other = `network=elsewhere&bootstrap=${await bootstrapOf(example.url)}`
      const tab = await ExampleTab.open(context, `${example.url}?${query ?? other}`)
      await tab.untilProblem(text)
      await tab.page.close()
    })
  }

  it('says in words that the browser has no WebRTC', async () => {
    const page = await context.newPage()
    await page.addInitScript('delete globalThis.RTCPeerConnection')
    await page.goto(example.url)
    await new ExampleTab(page).untilProblem(/has no WebRTC/)
    await page.close()
  })

  it('ends with its node when it is told to', async () => {
    const started = performance.now()
    const { code } = await example.program.stop('SIGINT')
    assert.equal(code, 0)
    assert.ok(performance.now() - started < 15_000)
    const page = await context.newPage()
    await assert.rejects(page.goto(example.url), /ERR_CONNECTION_REFUSED/)
  })

  async function bootstrapOf(url: string): Promise<string> {
    const page = await context.newPage()
    await page.goto(url)
    const options = await page.evaluate<{ bootstrap: string[] }>(
      "fetch('/options.json').then((answer) => answer.json())",
    )
    await page.close()
    return encodeURIComponent(options.bootstrap[0] ?? '')
  }
})
