/**
 * A page in a process of its own: a host in the same one would bound for both what libraries read, and who attacks a
 * page would hold up what measures it.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { connect } from '../../src/client/index.ts'
import { longestBlock } from './event-loop.ts'
import { waitFor } from './wait-for.ts'

const [, self, bootstrap] = process.argv
const SELF = fileURLToPath(import.meta.url)

export interface PageProcess {
  readonly peerId: string
  /** Of the page while `work` is done, ms: see `longestBlock`. */
  longestBlock(work: () => Promise<unknown>): Promise<number>
}

/** @param address of a relay, at which the page has a place by then */
export async function startPage(
  t: { after(job: () => unknown): void },
  address: string,
): Promise<PageProcess> {
  const child = fork(SELF, [address], { execArgv: [] })
  t.after(() => child.kill('SIGKILL'))
  const answer = async () => String((await once(child, 'message'))[0])
  const peerId = await answer()
  const ask = async (question: string) => {
    const answered = answer()
    child.send(question)
    return answered
  }
  return {
    peerId,
    longestBlock: async (work) => {
      await ask('begin')
      await work()
      return Number(await ask('end'))
    },
  }
}

if (self === SELF && bootstrap !== undefined) {
  process.once('disconnect', () => process.exit())
  const page = await connect({ bootstrap })
  await waitFor(() => page.status().bootstraps.every(({ isReserved }) => isReserved), {
    timeoutMs: 10_000,
    message: 'the page has a place',
  })
  process.send?.(page.peerId)
  await once(process, 'message')
  const ms = await longestBlock(async () => {
    process.send?.('begun')
    await once(process, 'message')
  })
  process.send?.(`${ms}`)
}
