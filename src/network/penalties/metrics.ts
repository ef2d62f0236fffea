import type { Metrics } from '../../telemetry/index.ts'

export interface BanCounts {
  /** Shunned by the rules now. */
  readonly peers: number
  readonly hosts: number
  /** In force by the operator's word. */
  readonly operator: number
}

export interface BanMetrics {
  /** @param reason a code of ours */
  hostShunned(reason: string): void
  changed(action: 'added' | 'lifted', count: number): void
  lineSuppressed(): void
}

/** Registers the metrics of bans. @param counts asked each time that metrics are read */
export function createBanMetrics(metrics: Metrics, counts: () => BanCounts): BanMetrics {
  const hosts = metrics.counter({
    name: 'wesense_hosts_shunned_total',
    help: 'Public hosts not let in for a while because of what came from them',
    labels: ['reason'],
  })
  const changes = metrics.counter({
    name: 'wesense_ban_changes_total',
    help: 'Bans added and lifted by the operator',
    labels: ['action'],
  })
  const suppressed = metrics.counter({
    name: 'wesense_ban_lines_suppressed_total',
    help: 'Log lines about bans left out because there were too many',
  })
  metrics.gauge({
    name: 'wesense_bans',
    help: 'Peers and hosts kept out now, by the rules and by the operator',
    labels: ['kind'],
    collect: (gauge) => {
      const { peers, hosts: shunnedHosts, operator } = counts()
      gauge.set({ kind: 'peer' }, peers)
      gauge.set({ kind: 'host' }, shunnedHosts)
      gauge.set({ kind: 'operator' }, operator)
    },
  })
  return {
    hostShunned: (reason) => hosts.inc({ reason }),
    changed: (action, count) => changes.inc({ action }, count),
    lineSuppressed: () => suppressed.inc(),
  }
}
