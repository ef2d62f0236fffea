import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

import { createHost } from '../../src/network/create-host.ts'
import { hostComponents, hostOptions } from './host.ts'

const [, self, address] = process.argv

/** A peer in a process of its own, connected to `address`; `freeze` stops it like a lost link. */
export async function startFreezablePeer(
  t: Pick<TestContext, 'after'>,
  target: string,
): Promise<{ freeze(): void; thaw(): void }> {
  const child = fork(fileURLToPath(import.meta.url), [target], { execArgv: [] })
  t.after(() => child.kill('SIGKILL'))
  const [message] = await once(child, 'message')
  if (message !== 'connected') throw new Error(`the peer says ${String(message)}`)
  return {
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
  }
}

if (self === fileURLToPath(import.meta.url) && address !== undefined) {
  const host = await createHost(hostOptions(), await hostComponents())
  await host.start()
  await host.dial([address])
  process.send?.('connected')
  process.once('disconnect', () => process.exit())
}
