import { request } from 'node:http'
import type { Settings } from '../config/index.ts'
import { CliError } from './errors.ts'

const API_TIMEOUT_MS = 5000
/** A list of 10 000 peers has about 3 MB. */
const ANSWER_LIMIT_BYTES = 16 * 1_048_576

export interface ApiAnswer {
  readonly status: number
  /** Parsed JSON; null for a body that is none. */
  readonly body: unknown
}

type ApiSettings = Pick<Settings, 'apiHost' | 'apiPort' | 'apiToken'>

/** Where the running node's API is reached from this machine. @throws CliError `NO_PORT`. */
export function apiOrigin(settings: Pick<Settings, 'apiHost' | 'apiPort'>): string {
  if (settings.apiPort === 0) {
    throw new CliError('NO_PORT', 'PORT is 0, a free port that only the node knows: pass --port')
  }
  const everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
  const host = everywhere[settings.apiHost] ?? settings.apiHost
  return `http://${host.includes(':') ? `[${host}]` : host}:${settings.apiPort}`
}

/** What to ask for, where it is more than to read a path. */
export interface ApiCall {
  readonly method: 'PUT' | 'DELETE'
  /** Sent as JSON. */
  readonly body?: object
}

/**
 * Asks the running node. node:http and not fetch, because a health check should start fast.
 * @throws CliError `UNREACHABLE`, `TIMEOUT`, `REFUSED` (401, 403), `BAD_ANSWER`, `NO_PORT`.
 */
export async function askApi(
  settings: ApiSettings,
  path: string,
  timeoutMs = API_TIMEOUT_MS,
  apiCall?: ApiCall,
): Promise<ApiAnswer> {
  const origin = apiOrigin(settings)
  const token = settings.apiToken?.reveal()
  const payload = apiCall?.body === undefined ? undefined : JSON.stringify(apiCall.body)
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
  }
  const method = apiCall?.method ?? 'GET'
  const answer = await new Promise<ApiAnswer>((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs)
    const fail = (error: unknown) =>
      reject(connectionError(error, origin, signal.aborted, timeoutMs))
    const call = request(
      `${origin}${path}`,
      { method, headers, agent: false, signal },
      (response) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('error', fail)
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > ANSWER_LIMIT_BYTES) call.destroy(new Error('the answer is too large'))
          else chunks.push(chunk)
        })
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: parseJson(Buffer.concat(chunks)) })
        })
      },
    )
    call.on('error', fail)
    call.end(payload)
  })
  const isRefused = answer.status === 401 || answer.status === 403
  if (!isRefused || errorCode(answer.body) === 'OWNED_BY_OTHER') return answer
  throw new CliError(
    'REFUSED',
    `The node at ${origin} refuses (status ${answer.status}): set API_TOKEN to the node's token`,
  )
}

/** The body of a 200 answer. @throws CliError as `askApi`, and `BAD_ANSWER` for any other status. */
export async function askApiForObject(settings: ApiSettings, path: string): Promise<object> {
  const { status, body } = await askApi(settings, path)
  if (status === 200 && typeof body === 'object' && body !== null) return body
  throw new CliError(
    'BAD_ANSWER',
    `${apiOrigin(settings)}${path} answered with status ${status}: is that port this program's?`,
  )
}

function connectionError(
  error: unknown,
  origin: string,
  isTimeout: boolean,
  timeoutMs: number,
): CliError {
  if (isTimeout) {
    const message = `The node at ${origin} did not answer within ${timeoutMs / 1000} s`
    return new CliError('TIMEOUT', message, { cause: error })
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  return new CliError('UNREACHABLE', `No node answers at ${origin} (${code}): is it running?`, {
    cause: error,
  })
}

/** The stable `code` of an answer that is an error. */
export function errorCode(body: unknown): string | null {
  if (typeof body !== 'object' || body === null || !('code' in body)) return null
  return typeof body.code === 'string' ? body.code : null
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return null
  }
}
