import { join } from 'node:path'

import { insideNet } from '../test/support/one-host-net.ts'

/**
 * Clients as in browsers, without a browser and so without WebRTC: every link is relayed, which is the worst that
 * pages can do to a node. Each is a host of its own. Linux, root. Arguments: `--clients 200`, `--rate 5` (a
 * second), `--links 2` (that each client opens itself), `--hellos 2` (over each link), `--memory 512` (MB).
 */
export async function run(args: string[]): Promise<void> {
  process.exitCode = await insideNet(join(import.meta.dirname, 'browsers', 'inside.ts'), args)
}
