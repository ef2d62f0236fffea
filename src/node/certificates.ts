import type { NodeStatus, Readiness } from '../api/index.ts'
import type { Settings } from '../config/index.ts'
import type { CertificateStatus, CertificatesOptions } from '../tls/index.ts'

const DAY_MS = 86_400_000

/** The certificate files of the settings, and which names have to be in them; null without TLS. */
export function certificatesOptions(settings: Settings): CertificatesOptions | null {
  const { tlsEnabled, tlsCertFile, tlsKeyFile } = settings
  if (!tlsEnabled || tlsCertFile === null || tlsKeyFile === null) return null
  return { certFile: tlsCertFile, keyFile: tlsKeyFile, hosts: announcedTlsHosts(settings) }
}

/**
 * Hosts under which others are told to find the TLS port. An address of another port is somebody else's to
 * prove: of a proxy in front, for one.
 */
function announcedTlsHosts({ announceAddresses, wsPort }: Settings): string[] {
  const hosts = announceAddresses.flatMap((address) => {
    if (address.kind === 'host') return address.port === null ? [address.host.value] : []
    const [, host, port, named] =
      /^\/(?:ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d+)\/(?:tls(?:\/sni\/([^/]+))?\/ws|wss)(?:\/|$)/.exec(
        address.multiaddr,
      ) ?? []
    return host === undefined || Number(port) !== wsPort ? [] : [named ?? host]
  })
  return [...new Set(hosts)]
}

/** What `GET /status` says of the certificate. */
export function certificateReply(status: CertificateStatus | null): NodeStatus['tls'] {
  if (status === null) return null
  return {
    names: [...status.names],
    valid_from: new Date(status.validFromMs).toISOString(),
    valid_until: new Date(status.validUntilMs).toISOString(),
    expired: status.isExpired,
    cert_file: status.certFile,
    key_file: status.keyFile,
    problem: status.problem,
  }
}

/** Not ready once clients refuse the certificate; what is on its way there stands in the detail. */
export function certificateCheck(
  status: CertificateStatus,
  nowMs: number,
): Readiness['checks'][number] {
  const ok = !status.isExpired && !status.isNotYetValid
  return { name: 'certificate', ok, detail: detailOf(status, nowMs) }
}

function detailOf(status: CertificateStatus, nowMs: number): string {
  const until = new Date(status.validUntilMs).toISOString()
  const from = new Date(status.validFromMs).toISOString()
  const problem = status.problem === null ? '' : `; its files: ${status.problem}`
  if (status.isExpired) return `expired at ${until}${problem}`
  if (status.isNotYetValid) return `not valid before ${from}${problem}`
  if (!status.isDue) return `valid until ${until}${problem}`
  const days = Math.floor((status.validUntilMs - nowMs) / DAY_MS)
  return `expires in ${days} ${days === 1 ? 'day' : 'days'}, at ${until}${problem}`
}

/** What an operator should see to, beside what makes the node not ready. */
export function certificateWarnings(status: CertificateStatus | null, nowMs: number): string[] {
  if (status === null) return []
  const { isExpired, isNotYetValid, isDue, problem, uncoveredHosts, names } = status
  const isTold = isExpired || isNotYetValid
  const due = !isTold && (isDue || problem !== null)
  return [
    ...(due ? [`TLS certificate: ${detailOf(status, nowMs)}`] : []),
    ...uncoveredHosts.map(
      (host) =>
        `TLS certificate: not for ${host}, which is announced, but for ${names.join(', ') || 'no name'}`,
    ),
  ]
}
