import { subnetOf } from './dial-address.ts'
import type { OpenPeer } from './dial-port.ts'

/**
 * Which peers to part from: always one of a subnet that has most of them, by chance, so that those who stay
 * are spread. @returns at most `count` peer IDs
 */
export function chooseToLeave(
  peers: readonly Pick<OpenPeer, 'peerId' | 'address'>[],
  count: number,
  random: () => number,
): string[] {
  const subnets = new Map<string, string[]>()
  for (const { peerId, address } of peers) {
    const subnet = subnetOf(address)
    subnets.set(subnet, [...(subnets.get(subnet) ?? []), peerId])
  }
  const chosen: string[] = []
  while (chosen.length < count) {
    const most = Math.max(...[...subnets.values()].map(({ length }) => length))
    const crowded = [...subnets.values()].filter(({ length }) => length === most)
    const largest = crowded[Math.floor(random() * crowded.length)]
    const [one] = largest?.splice(Math.floor(random() * largest.length), 1) ?? []
    if (one === undefined) break
    chosen.push(one)
  }
  return chosen
}
