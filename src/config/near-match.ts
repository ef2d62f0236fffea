/** Longer names are not compared: the distance is quadratic, and no setting is near them. */
const LONGEST = 64

/**
 * The known name that was probably meant, or null when none is near: at most a third of the letters
 * differ (a swap of neighbours counts as one), or one name is the other with a part left out.
 */
export function nearMatch(name: string, known: Iterable<string>): string | null {
  if (name.length > LONGEST) return null
  const wanted = normal(name)
  const most = Math.max(1, Math.floor(wanted.length / 3))
  let best: string | null = null
  let bestDistance = most + 1
  for (const candidate of known) {
    const other = normal(candidate)
    const limit = isPartOf(wanted, other) ? most + 0.5 : Number.POSITIVE_INFINITY
    const distance = Math.min(editDistance(wanted, other), limit)
    if (distance >= bestDistance) continue
    best = candidate
    bestDistance = distance
  }
  return best
}

function normal(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]/g, '')
}

function isPartOf(name: string, other: string): boolean {
  const [short, long] = name.length < other.length ? [name, other] : [other, name]
  return short.length >= 5 && (long.startsWith(short) || long.endsWith(short))
}

/** Optimal string alignment distance: insertions, deletions, substitutions, neighbours swapped. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1
      let distance = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + cost,
      )
      const isSwap =
        row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (isSwap) distance = Math.min(distance, at(beforeLast, column - 2) + 1)
      current.push(distance)
    }
    beforeLast = last
    last = current
  }
  return at(last, b.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? 0
}
