import { setImmediate as yieldToLoop } from 'node:timers/promises'

import type { StoreRecord } from '../../registry/types.ts'
import { inOrder } from './listing.ts'
import { parseScope, type Scope } from './scopes.ts'

export interface RegionReplication {
  readonly country: string
  readonly subdivision: string
  readonly scope_pattern: string
  readonly node_count: number
  /** Store IDs. */
  readonly nodes: string[]
}

/** Stores looked at in one go: some milliseconds. */
const AT_ONCE = 4_000
/** `node_count` as a sort key: wider than any number of stores. */
const COUNT_DIGITS = 10

/**
 * How many stores keep each region that any store names, the least kept first. A store of `nz/*` also
 * keeps `nz/akl`; one of `nz/akl` is no store of `nz/*`. Regions and stores are what strangers wrote, and
 * their product may be large: it is made one region at a time, with turns of the event loop in between.
 */
export async function* storeReplication(
  stores: Iterable<StoreRecord>,
): AsyncGenerator<RegionReplication> {
  const turns = new Turns()
  /** By pattern, who names just that. */
  const named = new Map<string, { place: Scope; ids: Set<string> }>()
  for (const { store_id, store_scope } of stores) {
    for (const text of store_scope) {
      const place = parseScope(text)
      if (place === null) continue
      const key = pattern(place)
      const known = named.get(key)
      if (known === undefined) named.set(key, { place, ids: new Set([store_id]) })
      else known.ids.add(store_id)
    }
    await turns.spend(store_scope.length)
  }
  const keepersOf = ({ country, subdivision }: Scope): Set<string> => {
    const covering = [`${country}/${subdivision}`, `${country}/*`, `*/${subdivision}`, '*/*']
    const groups = [...new Set(covering)].flatMap((key) => named.get(key)?.ids ?? [])
    return new Set(groups.flatMap((ids) => [...ids]))
  }

  const places: { key: string; place: Scope }[] = []
  for (const [key, { place }] of named) {
    const count = keepersOf(place).size
    places.push({ key: `${String(count).padStart(COUNT_DIGITS, '0')} ${key}`, place })
    await turns.spend(count)
  }
  for (const { place } of await inOrder(places, ({ key }) => key)) {
    const nodes = [...keepersOf(place)].sort(compare)
    yield { ...place, scope_pattern: pattern(place), node_count: nodes.length, nodes }
    await turns.spend(nodes.length)
  }
}

/** Lets others run whenever enough was done. */
class Turns {
  #left = AT_ONCE

  async spend(work: number): Promise<void> {
    this.#left -= work + 1
    if (this.#left > 0) return
    this.#left = AT_ONCE
    await yieldToLoop()
  }
}

function pattern(scope: Scope): string {
  return `${scope.country}/${scope.subdivision}`
}

/** By code unit, so that every station lists in the same order. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
