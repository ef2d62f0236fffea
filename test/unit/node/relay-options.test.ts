import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { SETTINGS } from '../../../src/config/table.ts'
import { hostLimits } from '../../../src/network/index.ts'
import { relayOptions } from '../../../src/node/relay-options.ts'
import { OTHER_PEER_ID, OWN_PEER_ID } from '../../support/api.ts'
import { loadedSettings } from '../../support/settings.ts'

const DERIVED = hostLimits(1_024).relay
const KILOBIT = 125

function options(env: Readonly<Record<string, string>> = {}) {
  const all = { RELAY_ENABLED: 'true', DATA_DIR: '/data', ...env }
  const { settings } = loadedSettings({ env: all, isCheckingFiles: false })
  const made = relayOptions(settings, DERIVED)
  assert.ok(made !== null)
  return made
}

const limits = (env: Readonly<Record<string, string>>) => {
  const found = options(env).limits
  assert.ok(found !== undefined)
  return found
}

describe('the relay is given', () => {
  it('nothing when it is off', () => {
    assert.equal(relayOptions(loadedSettings().settings, DERIVED), null)
  })

  it('members only, limits of the memory, and a file for the quota, when nothing else is set', () => {
    assert.deepEqual(options(), {
      policy: { name: 'registry' },
      limits: DERIVED,
      hasClients: true,
      quotaPath: '/data/network/relay-quota.json',
    })
  })

  it('the role by a profile of the compose file, unless that is switched off', () => {
    const env = { COMPOSE_PROFILES: 'bootstrap,relay' }
    const isOn = (more: Readonly<Record<string, string>>) =>
      loadedSettings({ env: { ...env, ...more } }).settings.relayEnabled
    assert.deepEqual([isOn({}), isOn({ RELAY_ENABLED: 'false' })], [true, false])
    const { sources } = loadedSettings({ env })
    assert.equal(sources.relayEnabled.label, 'profile relay')
    assert.equal(loadedSettings({ env: { COMPOSE_PROFILES: 'lan' } }).settings.relayEnabled, false)
  })

  it('the peers and the files of a list apart', () => {
    const RELAY_ALLOW = `${OWN_PEER_ID}, /etc/peers.txt ./more ${OTHER_PEER_ID}`
    assert.deepEqual(options({ RELAY_POLICY: 'list', RELAY_ALLOW }).policy, {
      name: 'list',
      peers: [OWN_PEER_ID, OTHER_PEER_ID],
      files: ['/etc/peers.txt', './more'],
    })
  })

  it('the hook with its secret still hidden', () => {
    const env = {
      RELAY_POLICY: 'http',
      RELAY_HOOK_URL: 'https://a.example.org/relay',
      RELAY_HOOK_SECRET: 'a-secret-of-some-length',
    }
    const { policy } = options(env)
    assert.ok(policy.name === 'http')
    assert.equal(policy.hook.url, env.RELAY_HOOK_URL)
    assert.equal(policy.hook.secret.reveal(), env.RELAY_HOOK_SECRET)
    assert.ok(!JSON.stringify(policy).includes(env.RELAY_HOOK_SECRET))
  })

  it("the operator's numbers in its own units, and all else as it was", () => {
    const set = limits({
      RELAY_MAX_RESERVATIONS: '10',
      RELAY_MAX_CIRCUITS: '20',
      RELAY_CIRCUIT_MB: '3',
      RELAY_CIRCUIT_MINUTES: '4',
      RELAY_RATE_KBPS: '80000',
      RELAY_CIRCUIT_KBPS: '800',
      RELAY_MONTHLY_GB: '7',
    })
    assert.deepEqual(set, {
      reservations: { ...DERIVED.reservations, total: 10 },
      circuits: {
        ...DERIVED.circuits,
        total: 20,
        bytesPerDirection: 3 * 1_048_576,
        durationSeconds: 240,
      },
      rates: {
        totalBytesPerSecond: 80_000 * KILOBIT,
        hostBytesPerSecond: 20_000 * KILOBIT,
        circuitBytesPerSecond: 800 * KILOBIT,
        burstSeconds: DERIVED.rates.burstSeconds,
      },
      monthlyBytes: 7e9,
    })
  })

  it('no bucket that is larger than the one around it', () => {
    const slow = limits({ RELAY_RATE_KBPS: '1000' }).rates
    assert.equal(slow.circuitBytesPerSecond, 1_000 * KILOBIT)
    assert.equal(slow.hostBytesPerSecond, 1_000 * KILOBIT)
    const fast = limits({ RELAY_CIRCUIT_KBPS: '20000' }).rates
    assert.equal(fast.hostBytesPerSecond, 20_000 * KILOBIT, 'a host has room for one circuit')
  })

  it('no limit where the operator wants none', () => {
    const all = { RELAY_RATE_KBPS: 'none', RELAY_CIRCUIT_KBPS: 'none', RELAY_MONTHLY_GB: 'none' }
    const { rates, monthlyBytes } = limits(all)
    const { totalBytesPerSecond, hostBytesPerSecond, circuitBytesPerSecond } = rates
    const none = [totalBytesPerSecond, hostBytesPerSecond, circuitBytesPerSecond, monthlyBytes]
    assert.deepEqual(none, [null, null, null, null])
    const open = limits({ RELAY_RATE_KBPS: '8000', RELAY_CIRCUIT_KBPS: 'none' }).rates
    assert.equal(open.circuitBytesPerSecond, null)
    assert.equal(open.hostBytesPerSecond, 2_000 * KILOBIT)
  })
})

describe('what the settings say about limits that follow the memory', () => {
  const sizes = [512, 1_024, 2_048].map((memoryMb) => hostLimits(memoryMb).relay)
  const said = (key: keyof typeof SETTINGS, of: (limits: typeof DERIVED) => number | null) => {
    const text = SETTINGS[key].unset ?? ''
    const numbers = [...text.matchAll(/(\d+) for/g)].map(([, number]) => Number(number))
    const wanted = sizes.map((size) => Math.round(of(size) ?? 0))
    it(`is true of ${SETTINGS[key].env}`, () => assert.deepEqual(numbers, wanted))
  }
  said('relayMaxReservations', ({ reservations }) => reservations.total)
  said('relayMaxCircuits', ({ circuits }) => circuits.total)
  said('relayCircuitMb', ({ circuits }) => circuits.bytesPerDirection / 1_048_576)
  said('relayRateKbps', ({ rates }) => (rates.totalBytesPerSecond ?? 0) / KILOBIT)
  said('relayMonthlyGb', ({ monthlyBytes }) => (monthlyBytes ?? 0) / 1e9)

  it('is true of those that do not', () => {
    for (const { circuits, rates } of sizes) {
      assert.equal(circuits.durationSeconds, Number(SETTINGS.relayCircuitMinutes.unset) * 60)
      const kbps = Math.round((rates.circuitBytesPerSecond ?? 0) / KILOBIT)
      assert.match(SETTINGS.relayCircuitKbps.unset ?? '', new RegExp(`^${kbps},`))
    }
  })
})
