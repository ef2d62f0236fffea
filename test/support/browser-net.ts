/** A machine of its own for browsers and a node: a network namespace that nothing leaves. Needs root and iproute2. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

type CleanUp = { after(job: () => unknown): void }

export interface BrowserNet {
  readonly name: string
  /** Addresses of the machine: who dials one of them comes from it. */
  readonly ips: readonly string[]
  /** Runs a command inside. */
  readonly prefix: readonly string[]
  /** TCP connections that are open now, as the kernel lists them. */
  openSockets(): Promise<string>
}

/** Public ones: Chromium lets a page reach a private address only with its user's permission. */
const IPS = ['203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.4']

/** An interface and a default route are what WebRTC wants; the cable's other end lies in the same machine. */
export async function createBrowserNet(t: CleanUp): Promise<BrowserNet> {
  const name = `wesense-b${process.pid}-${Date.now() % 100_000}`
  t.after(() => run('ip', ['netns', 'del', name]).catch(() => {}))
  await run('ip', ['netns', 'add', name])
  const inside = (...args: string[]) => run('ip', ['-n', name, ...args])
  await inside('link', 'set', 'lo', 'up')
  await inside('link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'end')
  // Hosts of their own: within one subnet all would dial from the first address.
  for (const ip of IPS) await inside('addr', 'add', `${ip}/32`, 'dev', 'cable')
  await inside('link', 'set', 'cable', 'up')
  await inside('link', 'set', 'end', 'up')
  await inside('route', 'add', 'default', 'dev', 'cable')
  const prefix = ['ip', 'netns', 'exec', name]
  const openSockets = async () => {
    const list = ['ss', '--tcp', '--numeric', '--no-header', 'state', 'established']
    return (await run('ip', [...prefix.slice(1), ...list])).stdout
  }
  return { name, ips: IPS, prefix, openSockets }
}
