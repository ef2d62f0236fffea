/**
 * The entries of a log, as positions, each after its parents. Depth first with a stack of its own: a log is one
 * long chain, far deeper than the call stack. Nine bytes an entry, off the heap.
 * @param roots all that are to come, in the order in which they are looked at
 * @param parentAt one parent of an entry after the other, undefined after the last
 */
export function* parentsFirst(
  count: number,
  roots: Iterable<number>,
  parentAt: (position: number, i: number) => number | undefined,
): Generator<number> {
  const isVisited = new Uint8Array(count)
  /** From a root up to the entry that is looked at, and of each how many parents were. */
  const path = new Uint32Array(count)
  const looked = new Uint32Array(count)
  for (const root of roots) {
    if (isVisited[root] === 1) continue
    isVisited[root] = 1
    path[0] = root
    looked[0] = 0
    for (let depth = 0; depth >= 0; ) {
      const position = path[depth] ?? 0
      const i = looked[depth] ?? 0
      const parent = parentAt(position, i)
      if (parent === undefined) {
        depth -= 1
        yield position
        continue
      }
      looked[depth] = i + 1
      if (isVisited[parent] === 1) continue
      isVisited[parent] = 1
      depth += 1
      path[depth] = parent
      looked[depth] = 0
    }
  }
}
