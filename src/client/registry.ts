import { peerIdFromString } from '@libp2p/peer-id'

import {
  acceptedLogs,
  type EntryCheck,
  LIMIT_PAGE_BYTES,
  openSignedEntry,
  readEntriesPage,
  type SignedEntriesPage,
  type SignedRecord,
} from '../wire/signed-entries.ts'
import { ClientError } from './errors.ts'

/** Pages of one read: 20 000 records. */
const LIMIT_PAGES = 40
const FETCH_MS = 10_000
/** Records live for half a year at most; a node lists what was refreshed within a week by default. */
const EPOCHS_BACK = 13

export interface RegistryReaderOptions {
  readonly network: string
  /** null: none was given. */
  readonly url: string | null
  /** @default the browser's */
  readonly fetch?: typeof fetch
  /** @default Date.now */
  readonly now?: () => number
}

/** A station of the list; the fields are as its author wrote them. */
export interface StationRecord {
  readonly author: string
  readonly ingesterId: string
  /** The author is the station itself, by its key; otherwise one that speaks for an ingester. */
  readonly isOwnWord: boolean
  readonly updatedAtMs: number
  readonly fields: Readonly<Record<string, unknown>>
}

export interface Stations {
  readonly nodes: readonly StationRecord[]
  /** Entries that the server gave and that their authors did not sign: more than none says that it lies. */
  readonly refused: number
}

/** Reads the registry from a node's public listener, and believes its authors alone. */
export class RegistryReader {
  readonly #options: RegistryReaderOptions

  constructor(options: RegistryReaderOptions) {
    this.#options = options
  }

  /**
   * The stations, each author's latest word.
   * @throws ClientError REGISTRY_UNREACHABLE, REGISTRY_MALFORMED, BAD_OPTION without a `registryUrl`
   */
  async nodes(signal?: AbortSignal): Promise<Stations> {
    const check = this.#check('nodes')
    const logs = await acceptedLogs(check)
    const latest = new Map<string, SignedRecord>()
    let refused = 0
    for await (const page of this.#pages('nodes', signal)) {
      const records = await Promise.all(
        page.entries.map((entry) => openSignedEntry(fromBase64(entry), logs, check)),
      )
      for (const record of records) {
        if (record === null) refused += 1
        else keepLatest(latest, record)
      }
    }
    return { nodes: [...latest.values()].flatMap(stationOf), refused }
  }

  #check(database: string): EntryCheck {
    const { network, now = Date.now } = this.#options
    return {
      network,
      database,
      nowMs: now(),
      epochsBack: EPOCHS_BACK,
      sha256: async (bytes) =>
        new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes))),
      verify: verifyByPeerId,
    }
  }

  async *#pages(database: string, signal?: AbortSignal): AsyncGenerator<SignedEntriesPage> {
    const { url, network } = this.#options
    if (url === null) {
      throw new ClientError('BAD_OPTION', 'connect() was given no registryUrl to read from')
    }
    let after: string | null = null
    for (let page = 0; page < LIMIT_PAGES; page++) {
      const target: URL = new URL(`registry/${database}`, url.endsWith('/') ? url : `${url}/`)
      if (after !== null) target.searchParams.set('after', after)
      const answer = readEntriesPage(await this.#fetchJson(target, signal))
      if (answer === null || answer.network !== network || answer.database !== database) {
        throw new ClientError('REGISTRY_MALFORMED', `no page of ${network}'s ${database}`)
      }
      yield answer
      after = answer.next
      if (after === null) return
    }
  }

  async #fetchJson(target: URL, signal?: AbortSignal): Promise<unknown> {
    const { fetch: load = fetch } = this.#options
    const deadline = AbortSignal.timeout(FETCH_MS)
    const both = signal === undefined ? deadline : AbortSignal.any([signal, deadline])
    let text: string
    try {
      const response = await load(target, { signal: both, credentials: 'omit' })
      if (!response.ok) throw new Error(`status ${response.status}`)
      text = await readText(response, LIMIT_PAGE_BYTES)
    } catch (cause) {
      signal?.throwIfAborted()
      throw new ClientError('REGISTRY_UNREACHABLE', `no answer from ${target.origin}`, cause)
    }
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw new ClientError('REGISTRY_MALFORMED', 'the answer is no JSON', cause)
    }
  }
}

function keepLatest(latest: Map<string, SignedRecord>, record: SignedRecord): void {
  const key = `${record.author}/${record.localId}`
  const known = latest.get(key)
  if (known === undefined || known.clockMs < record.clockMs) latest.set(key, record)
}

/** None for what was deleted, or says of itself that it is another's. */
function stationOf({ author, localId, clockMs, value }: SignedRecord): StationRecord[] {
  if (value === null || value.ingester_id !== localId) return []
  const isOwnWord = author === localId
  return [{ author, ingesterId: localId, isOwnWord, updatedAtMs: clockMs, fields: value }]
}

/** The key is in the peer ID itself, so nobody has to be asked for it. */
async function verifyByPeerId(
  peerId: string,
  bytes: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  try {
    const { publicKey } = peerIdFromString(peerId)
    if (publicKey?.type !== 'Ed25519') return false
    return await publicKey.verify(bytes, signature)
  } catch {
    return false
  }
}

/** @returns no bytes for what is no base64, which is no entry either */
function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return new Uint8Array(0)
  }
}

/** @throws when there is more than that, before all of it is held */
async function readText(response: Response, limitBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  const reader = response.body?.getReader()
  for (;;) {
    const part = await reader?.read()
    if (part === undefined || part.done) return text + decoder.decode()
    bytes += part.value.length
    if (bytes > limitBytes) {
      await reader?.cancel()
      throw new Error('the answer is too long')
    }
    text += decoder.decode(part.value, { stream: true })
  }
}
