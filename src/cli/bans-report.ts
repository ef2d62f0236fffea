import { fit, formatDuration, table } from './format.ts'

/** As `GET /bans` answers. */
export interface BansReply {
  readonly bans: readonly {
    readonly target: string
    readonly kind: string
    readonly by: string
    readonly reasons: readonly string[]
    readonly why: string | null
    readonly since: string
    readonly until: string | null
    readonly strikes: number
  }[]
  readonly points: readonly {
    readonly peer_id: string
    readonly points: number
    readonly offences: readonly string[]
  }[]
}

/** Lines of a list; the rest is in `--json`. */
const SHOWN = 50
const TARGET = 52
const RIGHT = { maxWidth: 8, isRight: true }

/** The lines of `bans`, within 100 columns; targets are not cut, since one copies them. */
export function renderBans({ bans, points }: BansReply, isAll: boolean, now: Date): string[] {
  const lines = bans.length === 0 ? ['Nobody is kept out.'] : banTable(bans, now)
  if (!isAll) return [...lines, ...more(bans.length)]
  return [...lines, ...more(bans.length), '', ...pointTable(points), ...more(points.length)]
}

/** The newest first: that is what one looks for. */
function banTable(bans: BansReply['bans'], now: Date): string[] {
  return table(
    [
      { title: 'Kept out', maxWidth: TARGET },
      { title: 'By', maxWidth: 8 },
      { title: 'Since', ...RIGHT },
      { title: 'Left', ...RIGHT },
      { title: 'Times', maxWidth: 5, isRight: true },
      { title: 'Why', maxWidth: 40 },
    ],
    bans
      .toReversed()
      .slice(0, SHOWN)
      .map((ban) => [
        ban.target,
        ban.by,
        duration(Date.parse(ban.since), now.getTime()),
        ban.until === null ? '-' : duration(now.getTime(), Date.parse(ban.until)),
        String(ban.strikes),
        ban.why ?? (ban.reasons.length === 0 ? '-' : ban.reasons.join(', ')),
      ]),
  )
}

function pointTable(points: BansReply['points']): string[] {
  if (points.length === 0) return ['Nobody else has points.']
  return table(
    [
      { title: 'Points, shunned at 100', maxWidth: TARGET },
      { title: 'Points', ...RIGHT },
      { title: 'For', maxWidth: 40 },
    ],
    points
      .slice(0, SHOWN)
      .map((one) => [one.peer_id, one.points.toFixed(0), fit(one.offences.join(', '), 40)]),
  )
}

function duration(fromMs: number, toMs: number): string {
  return formatDuration((toMs - fromMs) / 1000)
}

function more(count: number): string[] {
  return count > SHOWN ? [`and ${count - SHOWN} more: --json has them all`] : []
}
