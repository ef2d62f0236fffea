/**
 * Two private hosts `a` and `b`, each behind a NAT of its own, and a public host `pub` with two
 * addresses, in network namespaces that no packet leaves. The lab is a script beside the checkout
 * (`LABS_DIR`, `../shared/labs` by default); it needs root, iproute2, nftables and conntrack, which
 * `scripts/ci-setup.sh nat` installs. @throws naming what is missing.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PROJECT_ROOT } from './process.ts'

const execute = promisify(execFile)
const COMMAND_TIMEOUT_MS = 30_000
const TOOLS = ['ip', 'nft', 'conntrack', 'sysctl']
const PREFIX = 'wesense-nat'

export type LabHost = 'a' | 'b' | 'pub'
export type LabSide = 'a' | 'b'
/** `cone` keeps a port, `symmetric` takes a new one for each destination, `open` lets all in. */
export type NatKind = 'cone' | 'symmetric' | 'open' | 'block-udp'

/** The public host's addresses, and those of the two NATs. */
export const PUB = ['198.51.100.10', '198.51.100.20'] as const
export const NAT_ADDRESS: Readonly<Record<LabSide, string>> = {
  a: '198.51.100.11',
  b: '198.51.100.12',
}

let labs = 0

export class NatLab {
  readonly #name: string
  readonly #script: string

  constructor(name: string, script: string) {
    this.#name = name
    this.#script = script
  }

  /** What runs a command on a host when put before it. */
  prefix(host: LabHost): string[] {
    return ['ip', 'netns', 'exec', `${this.#name}-${host}`]
  }

  /** Both NATs as they should be, every cable plugged and lossless, no mapping left. */
  async reset(a: NatKind, b: NatKind): Promise<void> {
    for (const [side, kind] of [['a', a] as const, ['b', b] as const]) {
      await this.run('renumber', side, NAT_ADDRESS[side])
      await this.run('heal', side)
      await this.run('loss', side, '0')
      await this.run('nat', side, kind)
    }
  }

  async loss(side: LabSide, percent: number): Promise<void> {
    await this.run('loss', side, String(percent))
  }

  /** The NAT forgets every mapping, as a router that is switched off and on. */
  async flush(side: LabSide): Promise<void> {
    await this.run('flush', side)
  }

  /** The NAT gets another public address. */
  async renumber(side: LabSide, address: string): Promise<void> {
    await this.run('renumber', side, address)
  }

  /** One word of the lab's script with its arguments. */
  async run(...args: string[]): Promise<void> {
    try {
      await execute('bash', [this.#script, ...args], {
        env: { ...process.env, LAB: this.#name },
        timeout: COMMAND_TIMEOUT_MS,
      })
    } catch (error) {
      const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
      throw new Error(`nat-lab.sh ${args.join(' ')}: ${said.slice(-2000)}`, { cause: error })
    }
  }
}

/** Makes a lab of its own; it is taken down after the test, with all that still runs in it. */
export async function startNatLab(t: { after(job: () => unknown): void }): Promise<NatLab> {
  const script = await findScript()
  await removeLeftovers(script)
  labs += 1
  const lab = new NatLab(`${PREFIX}-${process.pid}-${labs}`, script)
  t.after(() => lab.run('down'))
  await lab.run('up')
  return lab
}

async function findScript(): Promise<string> {
  const folder = process.env.LABS_DIR ?? join(PROJECT_ROOT, '..', 'shared', 'labs')
  const script = join(folder, 'nat-lab.sh')
  const missing: string[] = []
  if (!existsSync(script)) missing.push(`the NAT lab ${script} (LABS_DIR names its folder)`)
  if (process.getuid?.() !== 0) missing.push('root')
  for (const tool of TOOLS) {
    if (!(await isInstalled(tool))) missing.push(`the command "${tool}"`)
  }
  if (missing.length === 0) return script
  throw new Error(`this test makes NATs in network namespaces; missing: ${missing.join(', ')}`)
}

async function isInstalled(tool: string): Promise<boolean> {
  return await execute('sh', ['-c', `command -v ${tool}`]).then(
    () => true,
    () => false,
  )
}

/** Labs of test processes that are gone, which had no chance to take them down. */
async function removeLeftovers(script: string): Promise<void> {
  const { stdout } = await execute('ip', ['netns', 'list'])
  const names = [...stdout.matchAll(new RegExp(`^(${PREFIX}-(\\d+)-\\d+)-`, 'gm'))]
  const gone = new Set(
    names.flatMap(([, name = '', pid = '']) => (existsSync(`/proc/${pid}`) ? [] : [name])),
  )
  for (const name of gone) await new NatLab(name, script).run('down')
}
