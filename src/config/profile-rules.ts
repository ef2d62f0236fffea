import { nearMatch } from './near-match.ts'
import type { Settings } from './table.ts'

/** Profiles that start the node in docker-compose.yml, on a bridge or on the host's network. */
export const COMPOSE_PROFILES = { bridge: ['bootstrap', 'relay', 'guardian', 'hub'], host: 'lan' }
const KNOWN = [...COMPOSE_PROFILES.bridge, COMPOSE_PROFILES.host]

/** Of the compose file's profiles. One that resembles none of them may be the operator's own. */
export function profileWarnings({ composeProfiles }: Settings): string[] {
  const warnings = composeProfiles
    .filter((profile) => !KNOWN.includes(profile))
    .flatMap((profile) => {
      const near = nearMatch(profile, KNOWN)
      return near === null ? [] : [`COMPOSE_PROFILES "${profile}" is no profile; is ${near} meant?`]
    })
  const bridged = composeProfiles.filter((profile) => COMPOSE_PROFILES.bridge.includes(profile))
  if (composeProfiles.includes(COMPOSE_PROFILES.host) && bridged.length > 0) {
    warnings.push(
      `COMPOSE_PROFILES has lan beside ${bridged.join(', ')}: both start a node of one name, so keep one`,
    )
  }
  return warnings
}
