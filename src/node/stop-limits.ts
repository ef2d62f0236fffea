/** How long each part may take to stop, ms: all together less than the 10 s in which the process has to end. */
export const STOP_LIMITS_MS = {
  telemetry: 100,
  certificates: 100,
  network: 3500,
  registry: 2500,
  api: 2200,
  publicApi: 900,
  registrySource: 250,
  registration: 250,
} as const
