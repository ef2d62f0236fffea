import { Readable } from 'node:stream'
import { setImmediate as yieldToLoop } from 'node:timers/promises'

/** Records looked at, sorted or written in one go: some milliseconds. */
const AT_ONCE = 1000

/** Those that are asked for, with turns of the event loop in between. */
export async function pick<T>(items: Iterable<T>, isAsked: (item: T) => boolean): Promise<T[]> {
  const picked: T[] = []
  let left = AT_ONCE
  for (const item of items) {
    if (isAsked(item)) picked.push(item)
    left -= 1
    if (left > 0) continue
    left = AT_ONCE
    await yieldToLoop()
  }
  return picked
}

/** By key, in the order of their code units, so that two answers can be compared; with turns in between. */
export async function inOrder<T>(items: readonly T[], keyOf: (item: T) => string): Promise<T[]> {
  const compare = (a: T, b: T) => {
    const [one, other] = [keyOf(a), keyOf(b)]
    return one < other ? -1 : one > other ? 1 : 0
  }
  let runs: T[][] = []
  for (let at = 0; at < items.length; at += AT_ONCE) {
    if (at > 0) await yieldToLoop()
    runs.push(items.slice(at, at + AT_ONCE).sort(compare))
  }
  while (runs.length > 1) {
    const merged: T[][] = []
    for (let at = 0; at < runs.length; at += 2) {
      await yieldToLoop()
      merged.push(await merge(runs[at] ?? [], runs[at + 1] ?? [], compare))
    }
    runs = merged
  }
  return runs[0] ?? []
}

async function merge<T>(a: T[], b: T[], compare: (a: T, b: T) => number): Promise<T[]> {
  const merged: T[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    const [one, other] = [a[i], b[j]]
    const isFirst = other === undefined || (one !== undefined && compare(one, other) <= 0)
    const next = isFirst ? one : other
    if (next === undefined) break
    merged.push(next)
    if (isFirst) i += 1
    else j += 1
    if (merged.length % (4 * AT_ONCE) === 0) await yieldToLoop()
  }
  return merged
}

/**
 * `{"<name>":[...]}` as JSON, written as fast as it is read and never all in one go.
 * @param toItem null for what is gone by then
 */
export function listBody<T>(
  name: string,
  items: readonly T[],
  toItem: (item: T) => unknown,
): Readable {
  return Readable.from(write(name, items, toItem), { objectMode: false })
}

async function* write<T>(
  name: string,
  items: readonly T[],
  toItem: (item: T) => unknown,
): AsyncGenerator<Buffer> {
  yield Buffer.from(`{${JSON.stringify(name)}:[`)
  let isFirst = true
  for (let at = 0; at < items.length; at += AT_ONCE) {
    const texts = items.slice(at, at + AT_ONCE).flatMap((one) => {
      const item = toItem(one)
      return item === null ? [] : JSON.stringify(item)
    })
    if (texts.length > 0) yield Buffer.from(`${isFirst ? '' : ','}${texts.join(',')}`)
    isFirst &&= texts.length === 0
    await yieldToLoop()
  }
  yield Buffer.from(']}')
}
