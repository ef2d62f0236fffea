/**
 * A real Chromium with pages that hold the client, and the real node beside it. The driver talks with the
 * browser over a pipe, so that nothing of the test has to be inside of the network.
 */
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'

import { bundleClient } from '../../scripts/build/client.ts'
import type { BrowserNet } from './browser-net.ts'
import { type DataFolder, dataFolder } from './node.ts'
import { PROJECT_ROOT, type Program, startProgram } from './process.ts'

type CleanUp = { after(job: () => unknown): void }

/** Debian's. */
const CHROMIUM = '/usr/bin/chromium'
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Pages in the background are measured as well.
  '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding',
  '--disable-backgrounding-occluded-windows',
]
/** Secure to a browser, so that it has WebCrypto; answered by the driver. */
export const ORIGIN = 'http://localhost:8080'

export interface BrowserOptions {
  readonly net: BrowserNet
  /** @default none */
  readonly flags?: readonly string[]
}

/** Starts Chromium inside of the network; it ends with the test. */
export async function startBrowser(t: CleanUp, options: BrowserOptions): Promise<Browser> {
  const folder = await dataFolder(t)
  const wrapper = join(folder.path, 'chromium')
  const command = [...options.net.prefix, CHROMIUM].join(' ')
  await writeFile(wrapper, `#!/bin/sh\nexec ${command} "$@"\n`)
  await chmod(wrapper, 0o755)
  const browser = await chromium.launch({
    executablePath: wrapper,
    headless: true,
    chromiumSandbox: false,
    args: [...FLAGS, ...(options.flags ?? [])],
  })
  folder.beforeRemoval(() => browser.close())
  return browser
}

let bundle: Promise<string> | null = null

/** The page's script with the client in it, made once for a test file. */
function pageScript(): Promise<string> {
  bundle ??= bundleClient({
    root: PROJECT_ROOT,
    entry: 'test/support/browser-page/page.ts',
  }).then(({ code }) => Buffer.from(code).toString('utf8'))
  return bundle
}

export interface PageOptions {
  /** For `connect()`. */
  readonly connect: Readonly<Record<string, unknown>>
  /** Runs before any script of the page. */
  readonly before?: string
  /** JSON that the page's own server answers, by path. @default {} */
  readonly answers?: Readonly<Record<string, unknown>>
}

/** A page of a browser user of its own, which connects as it loads. */
export class TestPage {
  readonly page: Page
  /** What it said on its console; for messages of failed tests. */
  readonly said: readonly string[]

  constructor(page: Page, said: readonly string[]) {
    this.page = page
    this.said = said
  }

  /** Calls a function of `browser-page/page.ts`. */
  async call<T>(name: string, ...args: readonly unknown[]): Promise<T> {
    const expression = `globalThis.test.${name}(${args.map((one) => JSON.stringify(one)).join(', ')})`
    const answer: T = await this.page.evaluate(expression)
    return answer
  }

  async close(): Promise<void> {
    await this.page.context().close()
  }
}

export async function openPage(browser: Browser, options: PageOptions): Promise<TestPage> {
  const context = await browser.newContext()
  const page = await context.newPage()
  const said: string[] = []
  page.on('console', (message) => said.push(message.text()))
  page.on('pageerror', (error) => said.push(`uncaught: ${error.stack ?? error}`))
  const script = await pageScript()
  await page.route(`${ORIGIN}/**`, async (route) => {
    const { pathname } = new URL(route.request().url())
    const answer = options.answers?.[pathname]
    if (answer !== undefined) return route.fulfill({ json: answer })
    await route.fulfill(
      pathname === '/page.js'
        ? { contentType: 'text/javascript', body: script }
        : { contentType: 'text/html', body: htmlOf(options) },
    )
  })
  if (options.before !== undefined) await page.addInitScript(options.before)
  await page.goto(ORIGIN, { waitUntil: 'domcontentloaded' })
  await page.waitForFunction('globalThis.test?.isReady === true')
  return new TestPage(page, said)
}

function htmlOf({ connect }: PageOptions): string {
  const options = JSON.stringify(connect).replaceAll('<', '\\u003c')
  return `<!doctype html><title>page</title>
<script>globalThis.connectOptions = ${options}</script>
<script type="module" src="/page.js"></script>`
}

export interface BrowserNodeOptions {
  readonly net: BrowserNet
  /** @default {} */
  readonly env?: Readonly<Record<string, string>>
  /** Of a node that was here before: it comes back as itself. @default a new one */
  readonly folder?: DataFolder
}

export interface BrowserNode {
  readonly program: Program
  readonly folder: DataFolder
  /** WebSocket addresses with the peer ID, one for each IP of the machine. */
  readonly addresses: readonly string[]
}

const WS_PORT = 4003

/** The built program as a relay with its default policy, on every address of the network. */
export async function startBrowserNode(
  t: CleanUp,
  options: BrowserNodeOptions,
): Promise<BrowserNode> {
  const { net } = options
  const folder = options.folder ?? (await dataFolder(t))
  const program = await startProgram(t, {
    cwd: folder.path,
    command: [...net.prefix, process.execPath, join(PROJECT_ROOT, 'dist', 'main.js')],
    env: {
      DATA_DIR: join(folder.path, 'data'),
      LIBP2P_HOST: '0.0.0.0',
      LIBP2P_PORT: '4002',
      WS_PORT: String(WS_PORT),
      RELAY_ENABLED: 'true',
      // Where pages look for it.
      STUN_PORT: '3478',
      ANNOUNCE_ADDRESS: net.ips[0] ?? '',
      ...options.env,
    },
  })
  const addresses = net.ips.map((ip) => `/ip4/${ip}/tcp/${WS_PORT}/ws/p2p/${program.peerId}`)
  return { program, folder, addresses }
}
