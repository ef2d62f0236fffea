/**
 * The edge of the process that speaks WebRTC, a child of the node. Whatever becomes of its native library, the node
 * is another process: it waits for no answer of this one, and ends it when it gives none.
 */
import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { inspect } from 'node:util'
import { Worker } from 'node:worker_threads'

const STDERR_FD = 2
const PIPE_FD = 3
/** How long peers are told that this is the end. */
const STOP_LIMIT_MS = 300

/** At once: what native parts do at an orderly exit may never end. */
function end(): void {
  process.kill(process.pid, 'SIGKILL')
}

function fail(error: unknown): void {
  try {
    writeSync(STDERR_FD, inspect(error))
  } finally {
    end()
  }
}

/**
 * In a thread of its own, which gets the text of this function and nothing else: the native library may hold up the
 * main thread for good.
 */
function endWithNode(): void {
  const { Socket } = process.getBuiltinModule('node:net')
  const end = () => process.kill(process.pid, 'SIGKILL')
  // Held open by the node, which writes nothing to it: its end is the node's.
  const lifeline = new Socket({ fd: 0 })
  lifeline.on('error', end)
  lifeline.on('close', end)
  lifeline.resume()
}

function serve(): void {
  const pipe = new Socket({ fd: PIPE_FD })
  pipe.on('close', end)
  void import('./run.ts').then(({ runChild }) =>
    runChild({
      pipe,
      rssBytes: () => process.memoryUsage.rss(),
      onStop: (told) => {
        told.then(end, end)
        setTimeout(end, STOP_LIMIT_MS)
      },
    }),
  )
}

process.on('uncaughtException', fail)
process.on('unhandledRejection', fail)
// A terminal tells all processes of its group: when this one ends, the node says.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})
new Worker(`(${endWithNode})()`, {
  eval: true,
  env: {},
  execArgv: [],
  resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
})
serve()
