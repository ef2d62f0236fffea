import { type IncomingMessage, request } from 'node:http'

import type { Settings } from '../config/index.ts'
import { escapeRemote } from '../lib/text.ts'
import { apiOrigin } from './api-client.ts'
import { CliError } from './errors.ts'

/** Without a byte; a node with a large registry looks through all of it before the first. */
const IDLE_LIMIT_MS = 120_000
const ERROR_LIMIT_BYTES = 4096

type ApiSettings = Pick<Settings, 'apiHost' | 'apiPort' | 'apiToken'>

/**
 * The body of a 200 answer of the running node, as it comes.
 * @throws CliError `UNREACHABLE`, `REFUSED` (401, 403), `BAD_ANSWER`, `CUT_OFF`, `NO_PORT`.
 */
export async function* streamApi(settings: ApiSettings, path: string): AsyncGenerator<Uint8Array> {
  const origin = apiOrigin(settings)
  const response = await ask(origin, path, settings.apiToken?.reveal())
  const status = response.statusCode ?? 0
  if (status !== 200) throw await refusal(origin, status, response)
  try {
    for await (const chunk of response) yield chunk
  } catch (error) {
    const message = `The node at ${origin} broke off: its log says why`
    throw new CliError('CUT_OFF', message, { cause: error })
  }
}

function ask(origin: string, path: string, token: string | undefined): Promise<IncomingMessage> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    const call = request(`${origin}${path}`, { headers, agent: false }, resolve)
    call.setTimeout(IDLE_LIMIT_MS, () => call.destroy(new Error('it sends nothing')))
    call.on('error', (error) => {
      const code = 'code' in error ? String(error.code) : error.message
      const message = `No node answers at ${origin} (${code}): is it running?`
      reject(new CliError('UNREACHABLE', message, { cause: error }))
    })
    call.end()
  })
}

async function refusal(
  origin: string,
  status: number,
  response: IncomingMessage,
): Promise<CliError> {
  if (status === 401 || status === 403) {
    const message = `The node at ${origin} refuses (status ${status}): set API_TOKEN to the node's token`
    return new CliError('REFUSED', message)
  }
  let text = ''
  for await (const chunk of response) {
    text += chunk
    if (text.length > ERROR_LIMIT_BYTES) break
  }
  const message = `The node at ${origin} answered with status ${status}: ${escapeRemote(text, 200)}`
  return new CliError('BAD_ANSWER', message)
}
