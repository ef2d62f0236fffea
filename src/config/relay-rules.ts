import { isLoopbackHost } from './address-scope.ts'
import type { Contradiction } from './contradiction.ts'
import { SETTINGS, type SettingKey, type Settings } from './table.ts'

const MEGABYTES_PER_GIGABYTE = 1000

/** Of the relay's settings; those of a relay that is off must hold together as well. */
export function relayContradictions(settings: Settings): Contradiction[] {
  return [...policy(settings), ...hook(settings), ...amounts(settings)]
}

function policy({ relayPolicy, relayAllow }: Settings): Contradiction[] {
  const keys: readonly SettingKey[] = ['relayPolicy', 'relayAllow']
  if (relayPolicy === 'list' && relayAllow.length === 0) {
    return [{ keys, problem: 'RELAY_POLICY is list and RELAY_ALLOW names nobody' }]
  }
  if (relayPolicy === 'list' || relayAllow.length === 0) return []
  const problem = `RELAY_ALLOW is set and RELAY_POLICY is ${relayPolicy}, which does not read it`
  return [{ keys, problem }]
}

function hook(settings: Settings): Contradiction[] {
  const { relayPolicy, relayHookUrl, relayHookSecret, relayHookSecretFile } = settings
  const keys: readonly SettingKey[] = [
    'relayPolicy',
    'relayHookUrl',
    'relayHookSecret',
    'relayHookSecretFile',
  ]
  const found: Contradiction[] = []
  const hasSecret = relayHookSecret !== null || relayHookSecretFile !== null
  if (relayPolicy === 'http') {
    if (relayHookUrl === null) {
      found.push({ keys, problem: 'RELAY_POLICY is http and RELAY_HOOK_URL is not set' })
    }
    if (!hasSecret) {
      const problem = 'RELAY_POLICY is http and neither RELAY_HOOK_SECRET nor its _FILE is set'
      found.push({ keys, problem })
    }
  } else if (relayHookUrl !== null || hasSecret) {
    const problem = `RELAY_HOOK_* is set and RELAY_POLICY is ${relayPolicy}, which does not read it`
    found.push({ keys, problem })
  }
  if (relayHookSecret !== null && relayHookSecretFile !== null) {
    const problem = 'RELAY_HOOK_SECRET and RELAY_HOOK_SECRET_FILE are both set: keep one'
    found.push({ keys, problem })
  }
  return found
}

function amounts(settings: Settings): Contradiction[] {
  return [
    ...above(settings, 'relayCircuitKbps', 'relayRateKbps'),
    ...above(settings, 'relayCircuitMb', 'relayMonthlyGb', MEGABYTES_PER_GIGABYTE),
    ...above(settings, 'relayMaxReservations', 'maxConnections'),
  ]
}

type AmountKey =
  | 'relayCircuitKbps'
  | 'relayRateKbps'
  | 'relayCircuitMb'
  | 'relayMonthlyGb'
  | 'relayMaxReservations'
  | 'maxConnections'

/** Two amounts that are both set, of which the first has to fit into `times` the second. */
function above(settings: Settings, part: AmountKey, whole: AmountKey, times = 1): Contradiction[] {
  const [small, large] = [settings[part], settings[whole]]
  if (typeof small !== 'number' || typeof large !== 'number' || small <= large * times) return []
  const problem = `${SETTINGS[part].env} ${small} is more than ${SETTINGS[whole].env} ${large}`
  return [{ keys: [part, whole], problem }]
}

/** What is followed as written, and may not do what was meant. */
export function relayWarnings(settings: Settings): string[] {
  const { relayEnabled, relayPolicy, relayHookUrl, announceAddresses } = settings
  if (!relayEnabled) return []
  const warnings: string[] = []
  if (announceAddresses.length === 0) {
    warnings.push('RELAY_ENABLED without ANNOUNCE_ADDRESS: only peers on the LAN can use the relay')
  }
  if (relayPolicy === 'open' && settings.networkKey === null) {
    warnings.push('RELAY_POLICY open: whoever can connect may use this bandwidth, stations or not')
  }
  if (relayPolicy === 'trusted' && settings.trustAuthorities.length === 0) {
    warnings.push(
      'RELAY_POLICY trusted without TRUST_AUTHORITIES: a station is trusted once it states a key',
    )
  }
  const hookUrl = relayHookUrl === null ? null : new URL(relayHookUrl)
  const hookHost = hookUrl?.hostname.replace(/^\[(.*)\]$/, '$1') ?? ''
  if (hookUrl?.protocol === 'http:' && !isLoopbackHost(hookHost)) {
    warnings.push('RELAY_HOOK_URL is http beyond this machine: the network between sees the secret')
  }
  return warnings
}
