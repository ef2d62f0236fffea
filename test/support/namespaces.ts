import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A network of its own with one address; `prefix` runs a command inside of it. */
export interface Namespace {
  readonly name: string
  readonly ip: string
  readonly prefix: readonly string[]
}

/**
 * Two network namespaces on one virtual cable, with nothing else to reach: a LAN on which multicast
 * disturbs nobody. Needs root and iproute2. @throws saying what is missing.
 */
export async function createLan(t: { after(job: () => unknown): void }): Promise<Namespace[]> {
  const id = `${process.pid}${Date.now() % 1000}`
  const pair = ['a', 'b'].map((side, index) => ({
    name: `wesense-${id}-${side}`,
    link: `ws${side}${id}`.slice(0, 15),
    ip: `10.77.0.${index + 1}`,
  }))
  t.after(async () => {
    for (const { name } of pair) await run('ip', ['netns', 'del', name]).catch(() => {})
  })
  const [a, b] = pair
  if (a === undefined || b === undefined) throw new Error('a cable has two ends')
  for (const { name } of pair) await ip('netns', 'add', name)
  const veth = ['type', 'veth', 'peer', 'name', b.link, 'netns', b.name]
  await ip('link', 'add', a.link, 'netns', a.name, ...veth)
  for (const one of pair) {
    await ip('-n', one.name, 'addr', 'add', `${one.ip}/24`, 'dev', one.link)
    await ip('-n', one.name, 'link', 'set', one.link, 'up')
    await ip('-n', one.name, 'link', 'set', 'lo', 'up')
    // The library sends multicast where the default route leads.
    await ip('-n', one.name, 'route', 'add', 'default', 'dev', one.link)
  }
  return pair.map(({ name, ip }) => ({ name, ip, prefix: ['ip', 'netns', 'exec', name] }))
}

async function ip(...args: string[]): Promise<void> {
  try {
    await run('ip', args)
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const why = isMissing ? 'iproute2 is not installed (apt-get install iproute2)' : String(error)
    throw new Error(`this test makes network namespaces, as root, with iproute2: ${why}`)
  }
}
