import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const MEGABYTE = 1_048_576
const MARK = 'WESENSE_INSIDE_NET'
const CGROUPS = '/sys/fs/cgroup'

/** Where the node under test listens; every address counts as public. */
export const NODE_IP = '203.0.113.10'

/** Both ranges are this machine's as a whole: whoever binds one of the addresses is that host. */
const ENTER = `set -e
ip link set lo up
ip route add local 198.18.0.0/15 dev lo
ip route add local 203.0.113.0/24 dev lo
ulimit -n "$(ulimit -Hn)"
exec "$@"`

export function isInsideNet(): boolean {
  return process.env[MARK] !== undefined
}

/**
 * Runs a script of this project once more, in a network of its own: nothing enters or leaves it, and it is
 * gone when the script ends. Root, Linux, util-linux and iproute2.
 * @returns the exit code
 * @throws when the network cannot be made
 */
export async function insideNet(script: string, args: readonly string[]): Promise<number> {
  const command = [process.execPath, ...process.execArgv, script, ...args]
  const child = spawn('unshare', ['--net', 'sh', '-c', ENTER, 'sh', ...command], {
    env: { ...process.env, [MARK]: 'yes' },
    stdio: 'inherit',
  })
  const forward = (signal: NodeJS.Signals) => child.kill(signal)
  process.on('SIGINT', forward)
  process.on('SIGTERM', forward)
  const [code] = await once(child, 'exit')
  process.off('SIGINT', forward)
  process.off('SIGTERM', forward)
  return Number(code ?? 1)
}

/** Public addresses of as many hosts as wanted, one for each /24 until they are used up: 512 subnets. */
export function hostIp(index: number): string {
  const subnet = index % 512
  const host = 1 + (Math.floor(index / 512) % 250)
  return `198.${18 + Math.floor(subnet / 256)}.${subnet % 256}.${host}`
}

export interface Limit {
  /** Put in front of a command. */
  readonly prefix: readonly string[]
  /** When the command has ended. */
  remove(): Promise<void>
}

/**
 * A control group with so much memory and processor time, whatever version the kernel has. The process in
 * it sees the memory as its machine's, and gets its processor time before those that put load on it.
 * @throws saying what is missing
 */
export function limitTo({ memoryMb, cpus }: { memoryMb: number; cpus: number }): Limit {
  const name = `wesense-${process.pid}-${Date.now() % 100_000}`
  const folders = existsSync(join(CGROUPS, 'cgroup.controllers'))
    ? [makeV2(join(CGROUPS, name), memoryMb, cpus)]
    : makeV1(name, memoryMb, cpus)
  const enter = folders.map((folder) => `echo $$ > ${join(folder, 'cgroup.procs')}`).join('; ')
  return {
    prefix: ['sh', '-c', `${enter}; exec "$@"`, 'sh'],
    remove: async () => {
      for (const folder of folders) await removeGroup(folder)
    },
  }
}

function makeV2(folder: string, memoryMb: number, cpus: number): string {
  writeFileSync(join(CGROUPS, 'cgroup.subtree_control'), '+memory +cpu')
  mkdirSync(folder)
  writeFileSync(join(folder, 'memory.max'), String(memoryMb * MEGABYTE))
  writeFileSync(join(folder, 'cpu.max'), `${Math.round(cpus * 100_000)} 100000`)
  writeFileSync(join(folder, 'cpu.weight'), '1000')
  return folder
}

function makeV1(name: string, memoryMb: number, cpus: number): string[] {
  const memory = join(CGROUPS, 'memory', name)
  const cpu = join(CGROUPS, 'cpu', name)
  mkdirSync(memory)
  writeFileSync(join(memory, 'memory.limit_in_bytes'), String(memoryMb * MEGABYTE))
  mkdirSync(cpu)
  writeFileSync(join(cpu, 'cpu.cfs_period_us'), '100000')
  writeFileSync(join(cpu, 'cpu.shares'), '8192')
  writeFileSync(join(cpu, 'cpu.cfs_quota_us'), String(Math.round(cpus * 100_000)))
  return [memory, cpu]
}

/** The kernel lets go of a group some milliseconds after its last process. */
async function removeGroup(folder: string): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    try {
      rmdirSync(folder)
      return
    } catch {
      await delay(100)
    }
  }
}
