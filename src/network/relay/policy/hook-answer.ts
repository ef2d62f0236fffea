import { escapeRemote } from '../../../lib/text.ts'

/** What the hook said, or why it said nothing that can be used. */
export type HookAnswer =
  | { readonly kind: 'answer'; readonly isAllowed: boolean; readonly reason: string | null }
  /** `why` is a code of ours or a system's, fit for a log field. */
  | { readonly kind: 'failed'; readonly why: string }

const REASON_LIMIT = 128

export function failed(why: string): HookAnswer {
  return { kind: 'failed', why }
}

/** `{"allow": true | false, "reason"?: text}`; further fields are passed over. Never throws. */
export function parseHookAnswer(text: string): HookAnswer {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return failed('not_json')
  }
  if (typeof parsed !== 'object' || parsed === null || !Object.hasOwn(parsed, 'allow')) {
    return failed('no_verdict')
  }
  const { allow, reason } = parsed as Readonly<Record<string, unknown>>
  // A word such as "false" must not pass for a yes.
  if (typeof allow !== 'boolean') return failed('no_verdict')
  const isText = Object.hasOwn(parsed, 'reason') && typeof reason === 'string'
  return {
    kind: 'answer',
    isAllowed: allow,
    reason: isText ? escapeRemote(reason, REASON_LIMIT) : null,
  }
}
