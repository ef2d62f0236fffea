import { Counter, Gauge, Histogram, Registry } from 'prom-client'

interface Described<L extends string> {
  /** `wesense_<thing>_<base unit>`; counters end in `_total`. */
  readonly name: string
  readonly help: string
  /** Never a peer ID, an address or anything else a remote can choose. */
  readonly labels?: readonly L[]
}

/** One typed place where metrics are made; each domain's `metrics.ts` makes its own from it. */
export interface Metrics {
  counter<L extends string = never>(options: Described<L>): Counter<L>
  /** `collect` is called at each scrape, for values that are cheaper read than kept. */
  gauge<L extends string = never>(
    options: Described<L> & { readonly collect?: (gauge: Gauge<L>) => void | Promise<void> },
  ): Gauge<L>
  histogram<L extends string = never>(
    options: Described<L> & { readonly buckets: readonly number[] },
  ): Histogram<L>
  /** All metrics in Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
}

/** A registry of its own for each node, so that several nodes live in one process. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  return {
    counter: ({ name, help, labels = [] }) =>
      new Counter({ name, help, labelNames: [...labels], registers: [registry] }),
    gauge: ({ name, help, labels = [], collect }) => {
      const gauge: Gauge<(typeof labels)[number]> = new Gauge({
        name,
        help,
        labelNames: [...labels],
        registers: [registry],
        ...(collect === undefined ? {} : { collect: () => collect(gauge) }),
      })
      return gauge
    },
    histogram: ({ name, help, labels = [], buckets }) =>
      new Histogram({
        name,
        help,
        labelNames: [...labels],
        buckets: [...buckets],
        registers: [registry],
      }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
