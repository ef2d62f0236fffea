/** A hop in a process of its own: `hop-process.ts ours|stock`. It also answers HTTP, as a node's API would. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { answerWith } from './child.ts'
import { startOurHop, startStockHop } from './hops.ts'
import type { HopContact } from './types.ts'

const address = await (process.argv[2] === 'ours' ? startOurHop() : startStockHop())
const server = createServer((_request, response) => response.end('{}'))
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
const { port } = server.address() as AddressInfo
const contact: HopContact = { address, apiUrl: `http://127.0.0.1:${port}` }
answerWith(async () => contact)
