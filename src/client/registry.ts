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
import { fetchJson, verifyByPeerId } from './public-http.ts'

/** Pages of one read: 20 000 records. */
const LIMIT_PAGES = 40
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
   * @throws ClientError UNREACHABLE, MALFORMED, OTHER_NETWORK, BAD_OPTION without a `registryUrl`
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
    const { url, network, fetch } = this.#options
    if (url === null) {
      throw new ClientError('BAD_OPTION', 'connect() was given no registryUrl to read from')
    }
    let after: string | null = null
    for (let page = 0; page < LIMIT_PAGES; page++) {
      const target: URL = new URL(`registry/${database}`, url.endsWith('/') ? url : `${url}/`)
      target.searchParams.set('network', network)
      if (after !== null) target.searchParams.set('after', after)
      const options = { limitBytes: LIMIT_PAGE_BYTES, fetch, signal }
      const answer = readEntriesPage(await fetchJson(target, options))
      if (answer === null || answer.network !== network || answer.database !== database) {
        throw new ClientError('MALFORMED', `no page of ${network}'s ${database}`)
      }
      yield answer
      after = answer.next
      if (after === null) return
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

/** @returns no bytes for what is no base64, which is no entry either */
function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return new Uint8Array(0)
  }
}
