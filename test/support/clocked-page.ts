/** A page in a process of its own, where its clock is what a test says and hours pass at once. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { type Client, type ConnectOptions, connect } from '../../src/client/index.ts'
import { type BentTime, bendTime } from './bent-time.ts'

const SELF = fileURLToPath(import.meta.url)
const [, started, given] = process.argv

export interface ClockedPageOptions extends Pick<ConnectOptions, 'bootstrap'> {
  /** Ahead of this machine's clock, behind where negative. */
  readonly aheadMs: number
}

export interface PageView {
  readonly peerId: string
  /** One for each node it was given. */
  readonly isReserved: readonly boolean[]
  /** Peer IDs of others that it has a link with. */
  readonly linked: readonly string[]
}

export interface ClockedPage {
  see(): Promise<PageView>
  /** Timers that are due by then are due now. */
  pass(ms: number): Promise<void>
  /** Somebody sets its clock. */
  setClock(aheadMs: number): Promise<void>
  /** Peer IDs of stations that it reads of, and how many entries it refuses. */
  readRegistry(): Promise<{ readonly authors: readonly string[]; readonly refused: number }>
}

interface Question {
  readonly call: keyof ClockedPage
  readonly value: number
}

type Answer = { readonly value: unknown } | { readonly error: string }

export async function startClockedPage(
  t: { after(job: () => unknown): void },
  options: ClockedPageOptions,
): Promise<ClockedPage> {
  const child = fork(SELF, [JSON.stringify(options)], { execArgv: [] })
  t.after(() => child.kill('SIGKILL'))
  const next = () =>
    new Promise<unknown>((resolve, reject) => {
      const onExit = () => reject(new Error('the page has ended'))
      child.once('exit', onExit)
      child.once('message', (answer: Answer) => {
        child.off('exit', onExit)
        if ('error' in answer) reject(new Error(answer.error))
        else resolve(answer.value)
      })
    })
  const ask = async (call: Question['call'], value = 0) => {
    const answered = next()
    child.send({ call, value })
    return await answered
  }
  await next()
  return {
    see: async () => (await ask('see')) as PageView,
    pass: async (ms) => void (await ask('pass', ms)),
    setClock: async (aheadMs) => void (await ask('setClock', aheadMs)),
    readRegistry: async () =>
      (await ask('readRegistry')) as Awaited<ReturnType<ClockedPage['readRegistry']>>,
  }
}

if (started === SELF && given !== undefined) {
  process.once('disconnect', () => process.exit())
  const { aheadMs, bootstrap }: ClockedPageOptions = JSON.parse(given)
  const time = bendTime(aheadMs)
  const tell = (answer: Answer) => process.send?.(answer)
  const client = await connect({ bootstrap }).catch((error: unknown) => {
    tell({ error: String(error) })
    process.exit()
  })
  process.on('message', async ({ call, value }: Question) => {
    try {
      tell({ value: await answerTo(call, value, client, time) })
    } catch (error) {
      tell({ error: String(error) })
    }
  })
  tell({ value: 'begun' })
}

async function answerTo(call: keyof ClockedPage, ms: number, client: Client, time: BentTime) {
  if (call === 'pass') return time.pass(ms)
  if (call === 'setClock') return time.setClock(ms)
  if (call === 'readRegistry') {
    const { nodes, refused } = await client.registry.nodes()
    return { authors: nodes.map(({ author }) => author), refused }
  }
  return {
    peerId: client.peerId,
    isReserved: client.status().bootstraps.map(({ isReserved }) => isReserved),
    linked: client.peers().flatMap(({ peerId, link }) => (link === 'none' ? [] : [peerId])),
  } satisfies PageView
}
