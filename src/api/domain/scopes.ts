import type { JsonValue } from '../../registry/types.ts'

/** One scope as a place: `nz/akl` is a subdivision, `nz/*` or `nz` a whole country, `*` everywhere. */
export interface Scope {
  readonly country: string
  readonly subdivision: string
}

/** @returns null for text that names no place. Case is ignored; `nz` reads as `nz/*`. */
export function parseScope(text: string): Scope | null {
  const [country = '', subdivision = '*'] = text.trim().toLowerCase().split('/')
  return country === '' || subdivision === '' ? null : { country, subdivision }
}

export interface PlaceFilter {
  readonly country: string | undefined
  /** `akl`, or `nz/akl`, which then names the country too. */
  readonly region: string | undefined
}

/** Whether any of the scopes serves the place asked for; a filter that is left out fits all. */
export function matchesPlace(scopes: readonly string[], filter: PlaceFilter): boolean {
  const { country, region } = filter
  if (country === undefined && region === undefined) return true
  const asked = region?.includes('/') ? parseScope(region) : null
  const wantedCountry = (country ?? asked?.country)?.toLowerCase()
  const wantedRegion = asked?.subdivision ?? region?.toLowerCase()
  return scopes.some((text) => {
    const scope = parseScope(text)
    if (scope === null) return false
    return fits(scope.country, wantedCountry) && fits(scope.subdivision, wantedRegion)
  })
}

function fits(part: string, wanted: string | undefined): boolean {
  return wanted === undefined || part === '*' || part === wanted
}

/** Whether an element of `regions` is the country or lies in it (`nz`, `nz/akl`), ignoring case. */
export function isInCountry(regions: JsonValue | undefined, country: string): boolean {
  const wanted = country.toLowerCase()
  const elements = Array.isArray(regions) ? regions : [regions]
  return elements.some((element) => {
    const text = typeof element === 'string' ? element.toLowerCase() : null
    return text !== null && (text === wanted || text.startsWith(`${wanted}/`))
  })
}
