/**
 * `npm run example [-- --port N]`: builds what is missing, starts a node of its own on this machine with the page of
 * `examples/two-tabs` beside it, says where, and ends both at Ctrl-C. Nothing listens but on 127.0.0.1, and
 * nothing stays.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { servePage } from './example/files.ts'
import { startNode } from './example/node.ts'
import { registerStations } from './example/stations.ts'
import { ensureBuilt } from './lib/ensure.mjs'

const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' } } })
const ended = new Promise<string>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve(''))
})

ensureBuilt()
const folder = await mkdtemp(join(tmpdir(), 'wesense-example-'))
const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
try {
  console.log('Starting a node ...')
  const node = await startNode(folder)
  stops.push(() => node.stop())
  await registerStations(node.apiUrl)
  const page = await servePage({ port: Number(values.port), options: node.pageOptions })
  stops.push(() => page.stop())
  console.log(`\nOpen ${page.url} in two tabs. Ctrl-C ends it.\n`)
  const problem = await Promise.race([ended, node.ended])
  if (problem !== '') throw new Error(problem)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  for (const stop of stops.reverse()) await stop()
}
