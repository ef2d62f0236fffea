import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

import { ROOT } from '../lib/ensure.mjs'

const PAGE = join(ROOT, 'examples', 'two-tabs')
/** All that is served: a path of somebody else's making reaches no file. */
const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': [join(PAGE, 'index.html'), 'text/html'],
  '/style.css': [join(PAGE, 'style.css'), 'text/css'],
  '/page.js': [join(PAGE, 'page.js'), 'text/javascript'],
  '/key.js': [join(PAGE, 'key.js'), 'text/javascript'],
  '/view.js': [join(PAGE, 'view.js'), 'text/javascript'],
  '/client/index.js': [join(ROOT, 'dist', 'client', 'index.js'), 'text/javascript'],
}

export interface PageServer {
  readonly url: string
  stop(): Promise<void>
}

/** Serves the page on 127.0.0.1. @param port taken by others: a free one. @param options `/options.json` */
export async function servePage({
  port,
  options,
}: {
  readonly port: number
  readonly options: Readonly<Record<string, unknown>>
}): Promise<PageServer> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const headers = { 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' }
    if (pathname === '/options.json') {
      response.writeHead(200, { ...headers, 'content-type': 'application/json' })
      response.end(JSON.stringify(options))
      return
    }
    const [file, type] = FILES[pathname] ?? []
    const content = file === undefined ? null : await readFile(file).catch(() => null)
    const isFound = content !== null
    const kind = isFound ? `${type}; charset=utf-8` : 'text/plain'
    response.writeHead(isFound ? 200 : 404, { ...headers, 'content-type': kind })
    response.end(content ?? 'not found')
  })
  await listen(server, port).catch(() => listen(server, 0))
  const address = server.address() as AddressInfo
  return {
    url: `http://localhost:${address.port}/`,
    stop: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function listen(server: Server, port: number): Promise<void> {
  const listening = once(server, 'listening')
  server.listen(port, '127.0.0.1')
  await listening
}
