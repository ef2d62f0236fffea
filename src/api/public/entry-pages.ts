import { setImmediate as yieldToLoop } from 'node:timers/promises'

import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Clock } from '../../lib/clock.ts'
import { lowerBound } from '../../lib/lower-bound.ts'
import type { RegistryService } from '../../registry/types.ts'
import { LIMIT_ENTRIES, type SignedEntriesPage } from '../../wire/signed-entries.ts'
import { inOrder } from '../domain/listing.ts'
import { etagOf } from '../http/etag.ts'
import { PageTurns } from './page-turns.ts'

/** The list is made again at most so often, however fast records come. */
const FRESH_MS = 5_000
/** And that often without news: records fall out of the list as time goes by. */
const STALE_MS = 300_000
/** Records listed, and entries read and written, in one go: some milliseconds. */
const LISTED_AT_ONCE = 250
const READ_AT_ONCE = 25
/** Of the entries of one page, as text; records are far smaller than they may be. */
const LIMIT_PAGE_CHARACTERS = 1_048_576
/** 10 000 records make 20 pages of some 500 KB. */
const LIMIT_PAGES_KEPT = 32
/** Where readers of lists before go on: so many pages go before those of strangers, beside the current list's own. */
const LIMIT_LED = 128

export interface EntryPage {
  readonly body: Buffer
  readonly etag: string
}

export interface EntryPagesComponents {
  readonly view: Pick<RegistryService['view'], 'listed' | 'revision'>
  entriesOf: RegistryService['entriesOf']
  readonly clock: Pick<Clock, 'now'>
}

interface MadePage extends EntryPage {
  /** The place after its last record. */
  readonly end: number
  readonly next: string | null
}

interface Listed {
  readonly id: string
  readonly hash: string
}

interface NodeList {
  readonly ids: readonly string[]
  readonly hashes: readonly string[]
  readonly revision: number
  readonly madeAtMs: number
  /** Where the first page begins, and each that one of these led to: as many as there are pages. */
  readonly starts: Set<number>
  /** By the place of their first record; of those alone that others led to. */
  readonly pages: BoundedMap<number, MadePage>
  readonly making: Map<number, Promise<MadePage>>
}

/**
 * The current node records as their authors signed them, in pages by local id. List and pages are made once
 * for all who ask, with turns of the event loop in between.
 */
export class EntryPages {
  readonly #network: string
  readonly #components: EntryPagesComponents
  #list: NodeList | null = null
  #listing: Promise<NodeList> | null = null
  readonly #turns = new PageTurns()
  /** The last record of pages that readers were led to: they go on from there in whatever list comes next. */
  readonly #led = new BoundedMap<string, true>({ limit: LIMIT_LED })

  constructor(network: string, components: EntryPagesComponents) {
    this.#network = network
    this.#components = components
  }

  /**
   * @param after local id of the last record of the page before; null for the first page
   * @throws PublicError NOT_READY when too many wait for pages that no page led to
   */
  async page(after: string | null): Promise<EntryPage> {
    const list = await this.#current()
    const from = after === null ? 0 : placeAfter(list.ids, after)
    const page = list.pages.get(from) ?? (await this.#pageOf(list, from, after))
    // Asked when it is made: meanwhile the page before may have led here.
    if (this.#isLed(list, from, after)) this.#leadOn(list, from, page)
    return page
  }

  #pageOf(list: NodeList, from: number, after: string | null): Promise<MadePage> {
    const making = list.making.get(from)
    if (making !== undefined) return making
    const made = this.#turns
      .take(this.#isLed(list, from, after), () => this.#make(list, from))
      .finally(() => list.making.delete(from))
    list.making.set(from, made)
    return made
  }

  #isLed({ starts }: NodeList, from: number, after: string | null): boolean {
    return starts.has(from) || (after !== null && this.#led.get(after) === true)
  }

  #leadOn({ starts, pages }: NodeList, from: number, page: MadePage): void {
    pages.set(from, page)
    if (starts.has(from)) starts.add(page.end)
    if (page.next !== null) this.#led.set(page.next, true)
  }

  #current(): Promise<NodeList> {
    const { view, clock } = this.#components
    const list = this.#list
    if (list !== null) {
      const ageMs = Math.abs(clock.now() - list.madeAtMs)
      const hasNews = view.revision('nodes') !== list.revision
      if (ageMs < (hasNews ? FRESH_MS : STALE_MS)) return Promise.resolve(list)
    }
    this.#listing ??= this.#listAll().finally(() => {
      this.#listing = null
    })
    return this.#listing
  }

  async #listAll(): Promise<NodeList> {
    const { view, clock } = this.#components
    const revision = view.revision('nodes')
    const found: Listed[] = []
    for (const { localId: id, entryHash: hash } of view.listed('nodes')) {
      found.push({ id, hash })
      if (found.length % LISTED_AT_ONCE === 0) await yieldToLoop()
    }
    const sorted = await inOrder(found, ({ id }) => id)
    await yieldToLoop()
    const list: NodeList = {
      ids: sorted.map(({ id }) => id),
      hashes: sorted.map(({ hash }) => hash),
      revision,
      madeAtMs: clock.now(),
      starts: new Set([0]),
      pages: new BoundedMap({ limit: LIMIT_PAGES_KEPT }),
      making: new Map(),
    }
    this.#list = list
    return list
  }

  async #make({ ids, hashes }: NodeList, from: number): Promise<MadePage> {
    const entries: string[] = []
    let characters = 0
    let at = from
    const end = Math.min(ids.length, from + LIMIT_ENTRIES)
    while (at < end && characters < LIMIT_PAGE_CHARACTERS) {
      const until = Math.min(at + READ_AT_ONCE, end)
      const blocks = await this.#components.entriesOf(hashes.slice(at, until))
      for (const block of blocks) {
        // Shown before it joined a log, or damaged: it comes with a later list.
        if (block === null) continue
        const text = Buffer.from(block.buffer, block.byteOffset, block.length).toString('base64')
        characters += text.length
        entries.push(text)
      }
      at = until
      await yieldToLoop()
    }
    const next = at < ids.length ? (ids[at - 1] ?? null) : null
    const page: SignedEntriesPage = { network: this.#network, database: 'nodes', entries, next }
    const body = Buffer.from(JSON.stringify(page))
    return { body, etag: etagOf(body), end: at, next }
  }
}

function placeAfter(ids: readonly string[], after: string): number {
  const place = lowerBound(ids, after)
  return ids[place] === after ? place + 1 : place
}
