import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

import type { RelayMembers, RelayStanding } from '../../src/network/relay/policy/types.ts'
import type { RelayClient, RelayRequest } from '../../src/network/relay/types.ts'
import { OTHER_PEER_ID, OWN_PEER_ID } from './api.ts'

export const MEMBER = OWN_PEER_ID
export const STRANGER = OTHER_PEER_ID

/** A client on a public address, as one test needs it. */
export function relayClient(overrides: Partial<RelayClient> = {}): RelayClient {
  return { peerId: MEMBER, host: '198.51.100.7', subnet: '198.51.100.0/24', ...overrides }
}

export function reserveRequest(peerId: string, client: Partial<RelayClient> = {}): RelayRequest {
  return { kind: 'reserve', client: relayClient({ ...client, peerId }), destination: null }
}

export function connectRequest(peerId: string, destination: string): RelayRequest {
  return { kind: 'connect', client: relayClient({ peerId }), destination }
}

/** Of a relay with the limits that it has by itself. */
export const DURATIONS_MS = { reserve: 30 * 60_000, connect: 5 * 60_000 }

export const NEVER = new AbortController().signal

/** A registry of three sets, which a test changes as it likes. */
export class FakeMembers implements RelayMembers {
  isReady = true
  readonly members = new Set<string>()
  readonly trusted = new Set<string>()
  readonly revoked = new Set<string>()

  isMember(peerId: string): boolean {
    return this.members.has(peerId)
  }

  isTrusted(peerId: string): boolean {
    return this.trusted.has(peerId)
  }

  isRevoked(peerId: string): boolean {
    return this.revoked.has(peerId)
  }
}

export class FakeStanding implements RelayStanding {
  readonly points = new Map<string, number>()
  readonly shunned = new Set<string>()

  penaltyOf(peerId: string): number {
    return this.points.get(peerId) ?? 0
  }

  isShunned(peerId: string): boolean {
    return this.shunned.has(peerId)
  }
}

export interface HookServer {
  readonly url: string
  /** Of each question: method, `authorization` and body. */
  readonly questions: { readonly method: string; readonly token: string; readonly body: unknown }[]
}

type Respond = (body: Record<string, unknown>, response: ServerResponse) => void

/** A hook of the operator's on a free loopback port. */
export async function startHook(
  t: Pick<TestContext, 'after'>,
  respond: Respond,
): Promise<HookServer> {
  const questions: HookServer['questions'] = []
  const server = createServer((request, response) => {
    void readText(request).then((text) => {
      const body = text === '' ? {} : JSON.parse(text)
      const token = request.headers.authorization ?? ''
      questions.push({ method: request.method ?? '', token, body })
      respond(body, response)
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/relay`, questions }
}

export function answerWith(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}
