import type { Metrics } from '../telemetry/index.ts'
import type { TlsErrorCode } from './errors.ts'

export interface TlsMetrics {
  taken(): void
  refused(code: TlsErrorCode): void
}

/** @param validUntilMs read at each scrape */
export function createTlsMetrics(metrics: Metrics, validUntilMs: () => number): TlsMetrics {
  metrics.gauge({
    name: 'wesense_tls_certificate_expiry_timestamp_seconds',
    help: 'When the TLS certificate that is served expires, Unix time',
    collect: (self) => self.set(validUntilMs() / 1000),
  })
  const changes = metrics.counter({
    name: 'wesense_tls_certificate_changes_total',
    help: 'New contents of the certificate files, by what became of them',
    labels: ['outcome'],
  })
  return {
    taken: () => changes.inc({ outcome: 'taken' }),
    refused: (code) => changes.inc({ outcome: code.toLowerCase().replaceAll('_', '-') }),
  }
}
