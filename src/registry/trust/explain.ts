import type { JudgedIngester } from './governed.ts'
import { judgeVouches, type Standing } from './standing.ts'
import { compareAuthors, isKeyClaim, isVouchClaim, type Statements } from './statements.ts'
import type { TrustStatement } from './types.ts'

/** What is stated about one local ID with its verdicts, by author. @param author whose; absent: everybody's */
export function explain(
  statements: Statements,
  judged: JudgedIngester,
  standing: Standing,
  author?: string,
): TrustStatement[] {
  const claims = author === undefined ? [...statements.all()] : [statements.by(author)]
  const wanted = claims.filter((claim) => claim !== null).sort(compareAuthors)
  const vouches = judgeVouches(wanted.filter(isVouchClaim), statements, standing)
  return [...wanted.filter(isKeyClaim).map(judged.explain), ...vouches]
}

/** The first station but this one whose keys of an ingester count; null: there is none. */
export function otherThatCounts({ heard, explain }: JudgedIngester, ownPeerId: string) {
  const counting = [...heard()].filter((claim) => explain(claim).counts).sort(compareAuthors)
  return counting.find(({ author }) => author !== ownPeerId)?.author ?? null
}
