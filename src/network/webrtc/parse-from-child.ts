import { isObject } from '../errors.ts'
import { CUT_REASONS } from './channel-guard.ts'
import type { FromChild } from './messages.ts'
import { type Knocks, WEBRTC_OUTCOMES } from './metrics.ts'

/** Why an address cannot be listened on, and the start of a handshake in base64: both are shorter. */
const MOST_CHARS = 4_096

/**
 * What the child says, which a fault of its native library may have made into anything.
 * @returns null for what no child of ours says
 */
export function parseFromChild(said: unknown): FromChild | null {
  if (!isObject(said)) return null
  const { kind, address, port, problem, id, bytes, reason, rssBytes, knocks }: Said = said
  switch (kind) {
    case 'listening':
      return isText(address) && isCount(port) && port <= 65_535 ? { kind, address, port } : null
    case 'deaf':
      return isText(address) && isText(problem) ? { kind, address, problem } : null
    case 'sign':
      return isCount(id) && isText(bytes) ? { kind, id, bytes } : null
    case 'cut': {
      const known = CUT_REASONS.find((one) => one === reason)
      return known === undefined ? null : { kind, reason: known }
    }
    case 'alive':
      return isCount(rssBytes) && isKnocks(knocks) ? { kind, rssBytes, knocks } : null
    default:
      return null
  }
}

type Said = { readonly [key in KeyOf<FromChild>]?: unknown }
type KeyOf<T> = T extends unknown ? keyof T : never

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MOST_CHARS
}

/** A whole number from 0 on, so a finite one. */
function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function isKnocks(value: unknown): value is Knocks {
  if (!isObject(value)) return false
  return Object.entries(value).every(
    ([outcome, count]) => WEBRTC_OUTCOMES.some((one) => one === outcome) && isCount(count),
  )
}
