/** What tests of pages ask them, and wait for. */
import type { BootstrapStatus, ClientPeer, ClientStatus } from '../../src/client/index.ts'
import type { TestPage } from './browser.ts'
import { waitFor } from './wait-for.ts'

/** A busy machine takes this long at worst; what is measured is printed. */
const LINK_MS = 20_000

export interface Timeline {
  readonly scriptAtMs: number
  readonly statuses: readonly (ClientStatus & { readonly atMs: number })[]
  readonly changes: readonly (ClientPeer & { readonly atMs: number })[]
}

export function idOf(page: TestPage): Promise<string> {
  return page.call('peerId')
}

/** How a page is linked with another. */
async function peerOf(page: TestPage, peerId: string): Promise<ClientPeer | null> {
  const peers = await page.call<ClientPeer[]>('peers')
  return peers.find((one) => one.peerId === peerId) ?? null
}

/** Waits until the page says so of its link to another. */
export async function untilLinked(
  page: TestPage,
  other: TestPage,
  wanted: Partial<ClientPeer>,
  timeoutMs = LINK_MS,
): Promise<ClientPeer> {
  const peerId = await idOf(other)
  const isWanted = (peer: ClientPeer | null): peer is ClientPeer =>
    peer !== null &&
    Object.entries(wanted).every(([key, value]) => Reflect.get(peer, key) === value)
  const said = () => page.said.slice(-3).join(' ')
  return waitFor(
    async () => {
      const peer = await peerOf(page, peerId)
      if (isWanted(peer)) return peer
      throw new Error(`${JSON.stringify(peer)} ${said()}`)
    },
    { timeoutMs, message: `a page is linked as ${JSON.stringify(wanted)}` },
  )
}

/** Waits until the page's first bootstrap is as wanted. */
export async function untilBootstrap(
  page: TestPage,
  wanted: Partial<BootstrapStatus>,
  timeoutMs = LINK_MS,
): Promise<void> {
  await waitFor(
    async () => {
      const { bootstraps } = await page.call<ClientStatus>('status')
      const [first] = bootstraps
      const isWanted = Object.entries(wanted).every(
        ([key, value]) => first !== undefined && Reflect.get(first, key) === value,
      )
      if (!isWanted) throw new Error(JSON.stringify(first))
      return true
    },
    { timeoutMs, message: `a bootstrap is ${JSON.stringify(wanted)}` },
  )
}

/** When the page was first linked directly with anybody, ms since it began to load. */
export async function directAtMs(page: TestPage): Promise<number> {
  const { changes } = await page.call<Timeline>('timeline')
  const direct = changes.find(({ link }) => link === 'direct')
  if (direct === undefined) throw new Error('the page was never linked directly')
  return direct.atMs
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const [low = Number.NaN, high = low] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return (low + high) / 2
}
