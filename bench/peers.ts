import { join } from 'node:path'

import { insideNet } from '../test/support/one-host-net.ts'

/**
 * How many stations a node with 512 MB and one processor holds, beside a plain libp2p host with the parts of a
 * DHT bootstrapper. Linux, root. Arguments: `--stations 2000`, `--rate 100` (a second), `--hold 60` (seconds),
 * `--beyond 500` (stations that come on top, to see how it refuses), `--memory 512` (MB), `--only ours|plain`,
 * `--node-options` (further flags for the node, such as `--cpu-prof`).
 */
export async function run(args: string[]): Promise<void> {
  process.exitCode = await insideNet(join(import.meta.dirname, 'peers', 'inside.ts'), args)
}
