import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import {
  type BootstrapDocument,
  type BootstrapPeer,
  openSignedBootstrap,
  PROTOCOL_VERSION,
} from '../wire/signed-bootstrap.ts'
import {
  isWebRtcDirect,
  isWebSocket,
  LIMIT_BOOTSTRAPS,
  listOf,
  readBootstraps,
} from './addresses.ts'
import { ClientError } from './errors.ts'
import { fetchJson, verifyByPeerId } from './public-http.ts'

const LIMIT_LIST_BYTES = 128 * 1024
/** Nodes of one list that a client holds a place with: pages of the same network share some of them. */
const LISTED_NODES = 3

export interface BootstrapListOptions {
  readonly network: string
  readonly hasWebRtc: boolean
  /** The page was served over https: a browser lets it open secure WebSockets alone. */
  readonly isSecure: boolean
  readonly fetch?: typeof fetch
  readonly nowMs: number
}

export interface BootstrapAddresses {
  readonly addresses: readonly Multiaddr[]
  /** Whether a node was to be asked, so that it is of use to ask again. */
  readonly isListed: boolean
  /** The first node that was asked for its list, to ask for other things; null when none was. */
  readonly publicUrl: string | null
}

/**
 * Reads where to begin: addresses, and `https:` URLs of nodes' public listeners, whose lists are asked for, checked
 * and shortened to the nodes nearest to hand. A URL that fails is passed over as long as another way is left.
 * @throws ClientError BAD_OPTION; when nothing is left what the first URL failed with
 */
export async function readBootstrapList(
  given: string | readonly string[],
  options: BootstrapListOptions,
): Promise<BootstrapAddresses> {
  const texts = listOf(given)
  const urls = texts.filter(isUrl).map(readUrl)
  const named = texts.filter((text) => !isUrl(text))
  const own = named.length === 0 ? [] : readBootstraps(named)
  const lists = await Promise.allSettled(urls.map((url) => listedAt(url, options)))
  const listed = lists.flatMap((list) => (list.status === 'fulfilled' ? list.value : []))
  const all = new Map([...own, ...listed].map((address) => [address.toString(), address]))
  const failed = lists.find((list) => list.status === 'rejected')
  if (all.size === 0 && failed !== undefined) throw failed.reason
  if (all.size === 0) {
    const asked = urls.map(({ origin }) => origin).join(', ')
    throw new ClientError('UNREACHABLE', `${asked} names no relay that this page can connect to`)
  }
  const answered = urls[lists.findIndex(({ status }) => status === 'fulfilled')]
  return {
    addresses: [...all.values()].slice(0, LIMIT_BOOTSTRAPS),
    isListed: urls.length > 0,
    publicUrl: answered === undefined ? null : new URL('.', answered).href,
  }
}

const isUrl = (text: string) => /^https?:/i.test(text)

function readUrl(text: string): URL {
  if (!URL.canParse(text)) throw new ClientError('BAD_OPTION', `no URL: ${text}`)
  const url = new URL(text)
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

/** @param url its fragment, if any, is the peer ID of the node that must have signed */
async function listedAt(url: URL, options: BootstrapListOptions): Promise<Multiaddr[]> {
  const { network, nowMs, fetch } = options
  const target = new URL('bootstrap', url)
  target.searchParams.set('network', network)
  target.searchParams.set('protocol', `${PROTOCOL_VERSION}`)
  const answer = await fetchJson(target, { limitBytes: LIMIT_LIST_BYTES, fetch })
  const signer = url.hash === '' ? null : url.hash.slice(1)
  const check = { network, nowMs, signer, verify: verifyByPeerId }
  const document = await openSignedBootstrap(answer, check)
  if (document === null) {
    const who = signer === null ? 'its node' : signer
    throw new ClientError(
      'MALFORMED',
      `${url.origin} gave no list of ${network} that ${who} signed`,
    )
  }
  const addresses = relaysOf(document).map((peer) => addressOf(peer, options))
  const usable = addresses.filter((address) => address !== null).slice(0, LISTED_NODES)
  return usable
}

/**
 * The signer; the one that it names first; the one with the smallest ID, which whoever asked another node takes too.
 * An ID decides no more than that place: peer IDs can be made to order.
 */
function relaysOf({ signer, peers }: BootstrapDocument): BootstrapPeer[] {
  const relays = peers.filter(({ roles }) => roles.includes('relay'))
  const own = relays.filter(({ id }) => id === signer)
  const others = relays.filter(({ id }) => id !== signer)
  const [meeting] = others.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const [first, ...rest] = others.filter((one) => one !== meeting)
  return [...own, first, meeting, ...rest].filter((one) => one !== undefined)
}

function addressOf(peer: BootstrapPeer, options: BootstrapListOptions): Multiaddr | null {
  for (const text of peer.addrs) {
    const address = parse(text)
    if (address !== null && isUsable(address, options)) return address
  }
  return null
}

function isUsable(address: Multiaddr, { hasWebRtc, isSecure }: BootstrapListOptions): boolean {
  const names = address.getComponents().map(({ name }) => name)
  if (names.includes('p2p-circuit')) return false
  if (isWebRtcDirect(address)) return hasWebRtc
  return isWebSocket(address) && (!isSecure || names.includes('tls') || names.includes('wss'))
}

function parse(text: string): Multiaddr | null {
  try {
    return multiaddr(text)
  } catch {
    return null
  }
}
