import type { NodeStatus, PublicStatus } from '../api/index.ts'

/** The public listener in the answer of `GET /status`. */
export function publicReply(status: PublicStatus | null): NodeStatus['public_http'] {
  if (status === null) return null
  const { address, isSecure, endpoints, usage } = status
  return {
    host: address.host,
    port: address.port,
    secure: isSecure,
    endpoints: endpoints.map(({ name, isRestricted }) => {
      const used = usage.endpoints.find((one) => one.name === name)
      return {
        name,
        restricted: isRestricted,
        clients: used?.clients ?? 0,
        requests: used?.requests ?? 0,
      }
    }),
    top: usage.top.map(({ client, requests }) => ({ client, requests })),
  }
}
