/** Makes the picture in `examples/two-tabs/README.md` anew. Root, Linux and Debian's Chromium, as its test. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BrowserContext } from 'playwright-core'

import { startBrowser } from '../test/support/browser.ts'
import { ExampleTab, startExample } from '../test/support/browser-example.ts'
import { createBrowserNet } from '../test/support/browser-net.ts'
import { Scope } from '../test/support/network.ts'
import { ROOT } from './lib/ensure.mjs'

const FILE = join(ROOT, 'examples', 'two-tabs', 'two-tabs.png')
const TAB = { width: 780, height: 620 }

const scope = new Scope()
try {
  const net = await createBrowserNet(scope)
  const { url } = await startExample(scope, net)
  const browser = await startBrowser(scope, { net })
  const context = await browser.newContext({ viewport: TAB })
  const tabs = [await ExampleTab.open(context, url), await ExampleTab.open(context, url)] as const
  const [left, right] = tabs
  await right.page.emulateMedia({ colorScheme: 'dark' })
  await left.untilLinked(await right.peerId(), 'direct')
  await right.untilLinked(await left.peerId(), 'direct')
  await left.say('Hello from the left tab!')
  await right.untilSaid('Hello from the left tab!')
  await right.say('Hello back. Nobody stands between us.')
  await left.untilSaid('Hello back.')
  for (const tab of tabs) await tab.until('#stations li').waitFor()
  const shots = [await left.page.screenshot(), await right.page.screenshot()]
  await writeFile(FILE, await sideBySide(context, shots))
} finally {
  await scope.end()
}

async function sideBySide(context: BrowserContext, shots: readonly Buffer[]): Promise<Buffer> {
  const page = await context.newPage()
  const width = TAB.width * 2 + 72
  await page.setViewportSize({ width, height: TAB.height + 48 })
  const images = shots.map((shot) => `<img src="data:image/png;base64,${shot.toString('base64')}">`)
  await page.setContent(`<style>
    body { margin: 24px; display: flex; gap: 24px; background: #aebfba }
    img { border-radius: 12px; box-shadow: 0 2px 10px #0005 }
  </style>${images.join('')}`)
  await page.waitForLoadState('load')
  return page.screenshot()
}
