import type { Identity } from '../../identity/index.ts'
import { RegistryError } from '../errors.ts'
import type { RegistryDatabase } from '../store/database.ts'
import { encodeValue, signedBytes } from '../store/entry-codec.ts'
import type { EntryPayload, JudgedEntry } from '../store/entry-rules.ts'

/** At most; fewer when the record is large, so that any fits that fitted before, even one that linked nothing. */
const LINKS = 2

/**
 * Makes an entry of ours with a clock of our choice, ready to join; appending takes the wall clock.
 * @throws RegistryError `INVALID_RECORD` when it breaks a rule.
 */
export function signEntry(
  identity: Pick<Identity, 'peerId' | 'sign'>,
  database: RegistryDatabase,
  payload: EntryPayload,
  clockMs: number,
): JudgedEntry {
  const author = identity.peerId
  for (let links = LINKS; ; links -= 1) {
    const signed = {
      id: database.address,
      payload,
      next: database.log.heads(links),
      refs: [],
      clock: { id: author, time: clockMs },
      v: 2,
    }
    const sig = Buffer.from(identity.sign(signedBytes(signed))).toString('hex')
    const verdict = database.judgeOwn(
      encodeValue({ ...signed, key: author, identity: author, sig }),
    )
    if (verdict.isAccepted) return verdict
    if (verdict.reason === 'too-large' && links > 0) continue
    const message = `the record breaks the entry rule "${verdict.reason}"`
    throw new RegistryError('INVALID_RECORD', message)
  }
}
