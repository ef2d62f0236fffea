import type { FastifyReply, FastifyRequest } from 'fastify'

import { withDeadline } from '../../../lib/deadline.ts'
import { etagOf } from '../../http/etag.ts'
import { JSON_TYPE } from '../../http/json-type.ts'
import { answeredNotModified, setFreshness } from '../caching.ts'
import type { RegisterPublicRoutes } from '../context.ts'
import { PublicError } from '../errors.ts'
import { filtered, readFilters } from '../filters.ts'
import type { FoundPeer } from '../options.ts'
import { isCid, readPeerId } from '../peer-ids.ts'

/** Addresses change as relays come and go; a peer that nobody knows may come at any time. */
const FOUND = { maxAgeSeconds: 60, staleSeconds: 3_600 }
const NOTHING = { maxAgeSeconds: 15, staleSeconds: 60 }
const NDJSON_TYPE = 'application/x-ndjson'
const IPNS_TYPE = 'application/vnd.ipfs.ipns-record'
const NO_NAME = Buffer.from('no record: this network keeps no names\n')
const LIMIT_ADDRESSES = 16
const LIMIT_PROTOCOLS = 64

interface IdRequest {
  readonly Params: { readonly id: string }
  readonly Querystring: Record<string, unknown>
}

/**
 * Delegated Routing V1 (specs.ipfs.tech/routing/http-routing-v1, IPIPs 337, 417, 484, 513) for the peers of this
 * network. Content and names are not routed here: of those nobody provides any.
 */
export const registerRoutingRoutes: RegisterPublicRoutes = (app, context) => {
  const { findPeer, answerTimeoutMs: ms, signal } = context
  const config = { endpoint: 'routing' } as const

  app.get<IdRequest>('/routing/v1/peers/:id', { config }, async (request, reply) => {
    const peerId = readPeerId(request.params.id)
    if (peerId === null) {
      throw new PublicError('INVALID_PARAMETER', 'not a peer ID: base58btc, or a CIDv1 libp2p-key')
    }
    const filters = readFilters(request.query)
    if (filters === null) throw new PublicError('INVALID_PARAMETER', 'not a list of names')
    const look = (inner: AbortSignal) => findPeer(peerId, inner)
    const found = await withDeadline(look, { ms, label: 'looking for a peer', signal })
    const record = found.addresses.length === 0 ? null : filtered(recordOf(found), filters)
    answerList(request, reply, {
      name: 'Peers',
      records: record === null ? [] : [record],
      foundAtMs: found.foundAtMs,
    })
    return reply
  })

  app.get<IdRequest>('/routing/v1/providers/:id', { config }, async (request, reply) => {
    if (!isCid(request.params.id)) throw new PublicError('INVALID_PARAMETER', 'not a CID')
    if (readFilters(request.query) === null) {
      throw new PublicError('INVALID_PARAMETER', 'not a list of names')
    }
    answerList(request, reply, { name: 'Providers', records: [], foundAtMs: null })
    return reply
  })

  app.get<IdRequest>('/routing/v1/ipns/:id', { config }, async (request, reply) => {
    if (readPeerId(request.params.id) === null) {
      throw new PublicError('INVALID_PARAMETER', 'not an IPNS name: a CIDv1 libp2p-key')
    }
    reply.header('vary', 'Accept')
    if (!accepts(request, IPNS_TYPE)) {
      throw new PublicError('NOT_ACCEPTABLE', `ask again with "Accept: ${IPNS_TYPE}"`)
    }
    // Any other type than that of a record says that there is none.
    setFreshness(reply, NOTHING)
    request.isEmptyAnswer = true
    if (answeredNotModified(request, reply, { etag: etagOf(NO_NAME) })) return reply
    return reply.type('text/plain; charset=utf-8').send(NO_NAME)
  })

  app.get<IdRequest>('/routing/v1/dht/closest/peers/:id', { config }, async () => {
    throw new PublicError('NOT_SERVED', 'the DHT of this network is walked for single peers only')
  })
}

interface RecordList {
  readonly name: 'Peers' | 'Providers'
  readonly records: readonly object[]
  /** null: nothing was looked up. */
  readonly foundAtMs: number | null
}

function answerList(request: FastifyRequest, reply: FastifyReply, list: RecordList): void {
  const { name, records, foundAtMs } = list
  const isStream = accepts(request, NDJSON_TYPE, false)
  const text = isStream
    ? records.map((record) => `${JSON.stringify(record)}\n`).join('')
    : JSON.stringify({ [name]: records })
  const body = Buffer.from(text)
  request.isEmptyAnswer = records.length === 0
  setFreshness(reply, records.length === 0 ? NOTHING : FOUND)
  reply.header('vary', 'Accept')
  // Told, and nothing is judged by it: what a peer was found by last may be older than what was told before.
  if (foundAtMs !== null) {
    reply.header('last-modified', new Date(Math.min(foundAtMs, Date.now())).toUTCString())
  }
  if (answeredNotModified(request, reply, { etag: etagOf(body) })) return
  void reply.type(isStream ? NDJSON_TYPE : JSON_TYPE).send(body)
}

function recordOf({ peerId, addresses, protocols }: FoundPeer) {
  return {
    Schema: 'peer',
    ID: peerId,
    Addrs: addresses.slice(0, LIMIT_ADDRESSES),
    Protocols: protocols.slice(0, LIMIT_PROTOCOLS),
  }
}

/** @param isByWildcard whether a range of all types asks for it too */
function accepts({ headers }: FastifyRequest, type: string, isByWildcard = true): boolean {
  const ranges = (headers.accept ?? '').toLowerCase().split(',').slice(0, 32)
  return ranges.some((range) => {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim())
    if (parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) return false
    return name === type || (isByWildcard && name === '*/*')
  })
}
