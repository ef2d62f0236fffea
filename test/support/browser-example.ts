/** The example as a newcomer has it: by the one command, opened in tabs of one browser. */
import { spawn } from 'node:child_process'
import type { BrowserContext, Page } from 'playwright-core'

import type { BrowserNet } from './browser-net.ts'
import { PROJECT_ROOT, Program } from './process.ts'
import { waitFor } from './wait-for.ts'

type CleanUp = { after(job: () => unknown): void }

export interface RunningExample {
  readonly url: string
  readonly program: Program
}

/** What `npm run example` runs, on a free port inside of the network. */
export async function startExample(t: CleanUp, net: BrowserNet): Promise<RunningExample> {
  const script = ['scripts/run.mjs', 'scripts/example.ts', '--port', '0']
  const [file = '', ...before] = net.prefix
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(file, [...before, process.execPath, ...script], {
    cwd: PROJECT_ROOT,
    env: { PATH, HOME },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const program = new Program(child)
  t.after(async () => {
    await program.stop()
  })
  const url = await waitFor(
    () => {
      if (child.exitCode !== null) return 'ended'
      return /Open (\S+) in two tabs/.exec(program.out())?.[1]
    },
    { timeoutMs: 120_000, message: 'the example says where it is' },
  )
  if (url === 'ended') throw new Error(`the example ended: ${program.out()}${program.error()}`)
  return { url, program }
}

/** One tab; what is asked of it is what its user sees. */
export class ExampleTab {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  static async open(context: BrowserContext, url: string): Promise<ExampleTab> {
    const page = await context.newPage()
    await page.goto(url)
    return new ExampleTab(page)
  }

  /** Waits for its peer ID to be shown. */
  async peerId(): Promise<string> {
    const id = await this.until('#me[data-peer-id]').getAttribute('data-peer-id')
    return id ?? ''
  }

  async untilLinked(peerId: string, link: string): Promise<void> {
    const badge = `#people li[data-peer-id="${peerId}"][data-link="${link}"]`
    await this.until(badge).waitFor({ timeout: LIMIT_MS })
  }

  async say(text: string): Promise<void> {
    await this.page.getByLabel('To everybody here').fill(text)
    await this.page.getByRole('button', { name: 'Say', exact: true }).click()
  }

  async untilSaid(text: string): Promise<void> {
    await this.page.getByRole('log').getByText(text).first().waitFor({ timeout: LIMIT_MS })
  }

  async untilProblem(text: string | RegExp): Promise<void> {
    await this.page.getByRole('alert').getByText(text).waitFor({ timeout: LIMIT_MS })
  }

  /** Whatever matches first. */
  until(selector: string) {
    return this.page.locator(selector).first()
  }
}

/** A busy machine takes this long at worst. */
const LIMIT_MS = 30_000
