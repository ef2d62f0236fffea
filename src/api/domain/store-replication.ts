import type { StoreRecord } from '../../registry/types.ts'
import { covers, parseScope, type Scope } from './scopes.ts'

export interface RegionReplication {
  readonly country: string
  readonly subdivision: string
  readonly scope_pattern: string
  readonly node_count: number
  /** Store IDs. */
  readonly nodes: string[]
}

interface ScopedStore {
  readonly id: string
  readonly scopes: readonly Scope[]
}

/**
 * How many stores keep each region that any store names, the least kept first. A store of `nz/*` also
 * keeps `nz/akl`; one of `nz/akl` is no store of `nz/*`.
 */
export function storeReplication(stores: readonly StoreRecord[]): RegionReplication[] {
  const scoped = stores.map(toScopedStore)
  const places = new Map<string, Scope>()
  for (const store of scoped) {
    for (const scope of store.scopes) places.set(pattern(scope), scope)
  }
  const holders = groupByCountry(scoped)
  return [...places]
    .map(([scope_pattern, place]) => {
      const nodes = storesOf(place, holders)
      return { ...place, scope_pattern, node_count: nodes.length, nodes }
    })
    .sort((a, b) => a.node_count - b.node_count || compare(a.scope_pattern, b.scope_pattern))
}

/** Stores by the countries they name, so that a place is compared with those alone. */
function groupByCountry(stores: readonly ScopedStore[]): Map<string, ScopedStore[]> {
  const byCountry = new Map<string, ScopedStore[]>()
  for (const store of stores) {
    for (const country of new Set(store.scopes.map((scope) => scope.country))) {
      const list = byCountry.get(country)
      if (list === undefined) byCountry.set(country, [store])
      else list.push(store)
    }
  }
  return byCountry
}

function storesOf(place: Scope, byCountry: Map<string, ScopedStore[]>): string[] {
  const candidates = new Set([
    ...(byCountry.get(place.country) ?? []),
    ...(byCountry.get('*') ?? []),
  ])
  return [...candidates]
    .filter((store) => store.scopes.some((scope) => covers(scope, place)))
    .map((store) => store.id)
    .sort(compare)
}

function toScopedStore(store: StoreRecord): ScopedStore {
  const scopes = store.store_scope.map(parseScope).filter((scope) => scope !== null)
  return { id: store.store_id, scopes }
}

function pattern(scope: Scope): string {
  return `${scope.country}/${scope.subdivision}`
}

/** By code unit, so that every station lists in the same order. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
