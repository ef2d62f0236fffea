import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type CliOptions, type ProcessFacts, runCli } from '../../../src/cli/index.ts'

export interface CliRun {
  readonly code: number
  readonly out: string
  readonly error: string
}

export const testProcess: ProcessFacts = {
  pid: process.pid,
  nodeVersion: process.versions.node,
  isAlive: () => true,
  memoryLimitBytes: 1_073_741_824,
  applyHeapCap: () => null,
  stopSignal: new AbortController().signal,
  setTimeZone: () => {},
  onFatal: () => {},
}

/** Runs one command in this process, with no environment and no files but those given. */
export async function runCommand(
  argv: readonly string[],
  overrides: Partial<CliOptions> = {},
): Promise<CliRun> {
  let out = ''
  let error = ''
  const missing = () => {
    throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
  }
  const code = await runCli({
    argv,
    env: {},
    output: {
      out: (text) => {
        out += text
      },
      error: (text) => {
        error += text
      },
    },
    process: testProcess,
    version: '1.2.3',
    readTextFile: missing,
    readFile: async () => missing(),
    ...overrides,
  })
  return { code, out, error }
}

export interface FakeApi {
  readonly port: number
  /** `path authorization` of each request. */
  readonly requests: string[]
}

/** Answers paths with status and body, on a free loopback port; a path that is not listed hangs. */
export async function fakeApi(
  t: TestContext,
  answers: Readonly<Record<string, readonly [status: number, body: unknown]>>,
): Promise<FakeApi> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.url} ${request.headers.authorization ?? '-'}`)
    const answer = answers[request.url ?? '']
    if (answer === undefined) return
    const [status, body] = answer
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, requests }
}
