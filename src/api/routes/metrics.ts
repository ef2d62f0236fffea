import type { RegisterRoutes } from './context.ts'

export const registerMetricsRoute: RegisterRoutes = (app, { metrics, metricsText }) => {
  app.get(
    '/metrics',
    {
      schema: { summary: "All metrics in Prometheus' text format", tags: ['station'] },
      config: { contentType: 'text/plain' },
    },
    async (_request, reply) => {
      reply.type(metrics.contentType)
      return metricsText()
    },
  )
}
