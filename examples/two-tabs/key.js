/** A tab's own key: the same after a reload, another one in another tab. */
import { newKey } from 'wesense-node/client'

const SLOT = 'two-tabs-key'
const RELOAD_MS = 1_000

/**
 * A browser copies sessionStorage into a duplicated tab, and two tabs with one key would be one peer: the
 * lock is whose it is.
 */
export async function ownKey() {
  const kept = sessionStorage.getItem(SLOT)
  if (kept !== null && (await isOurs(kept))) return kept
  const made = await newKey()
  sessionStorage.setItem(SLOT, made)
  await isOurs(made)
  return made
}

/** Holds the lock for as long as the tab lives; a page that is being reloaded lets go of it in a moment. */
function isOurs(key) {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(RELOAD_MS)
    navigator.locks
      .request(`${SLOT}-${key.slice(-16)}`, { signal }, () => {
        resolve(true)
        return new Promise(() => {})
      })
      .catch(() => resolve(false))
  })
}
