import type { Metrics } from '../../telemetry/index.ts'
import type { TrustDecisions, TrustPolicy } from './types.ts'

/** What the policy has decided, read at each scrape and counted once for each decision. */
export function watchTrust(metrics: Metrics, policy: TrustPolicy): void {
  let counted: { of: TrustDecisions; active: number; revoked: number } | null = null
  metrics.gauge({
    name: 'wesense_registry_trust_keys',
    help: 'Keys of ingesters that count, by status',
    labels: ['status'],
    collect: (gauge) => {
      const decisions = policy.decide()
      if (counted?.of !== decisions) counted = { of: decisions, ...countKeys(decisions) }
      gauge.set({ status: 'active' }, counted.active)
      gauge.set({ status: 'revoked' }, counted.revoked)
    },
  })
  metrics.gauge({
    name: 'wesense_registry_trust_vouched',
    help: 'Stations that an authority vouches for',
    collect: (gauge) => gauge.set({}, policy.decide().vouched.size),
  })
}

function countKeys({ keys }: TrustDecisions): { active: number; revoked: number } {
  const counts = { active: 0, revoked: 0 }
  for (const versions of keys.values()) {
    for (const { status } of Object.values(versions)) counts[status] += 1
  }
  return counts
}
