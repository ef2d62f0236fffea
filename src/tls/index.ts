/**
 * The certificate that the operator has somebody else renew: read from its files, judged, and read
 * again for as long as the node runs. Whoever listens with it is handed the service by `node/`. And how fast
 * handshakes with it may begin.
 * Must not know: listeners, settings' names, who issues certificates.
 * Invariants: what is served is a whole pair, and stays until a better one is there; a file that is
 * being written is no news; each problem is told once.
 */
export {
  type CertificatesOptions,
  checkCertificateFiles,
  loadCertificates,
} from './certificates.ts'
export { HandshakeRates } from './handshake-rates.ts'
export type { CertificatePair, CertificateService, CertificateStatus } from './types.ts'
