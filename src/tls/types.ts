/** PEM texts. */
export interface CertificatePair {
  /** The certificate and its chain. */
  readonly cert: string
  /** Its private key. */
  readonly key: string
}

/** What a listener needs to serve the certificate and to keep up with its renewals. */
export interface CertificateService {
  /** The pair to serve now. */
  current(): CertificatePair | null
  /** Fires with each pair that replaces another. Returns the unsubscriber. */
  onRenewed(listener: (pair: CertificatePair) => void): () => void
}

/** What an operator wants to know about the certificate that is served. */
export interface CertificateStatus {
  /** DNS names and IPs that it is for, escaped; at most 100. */
  readonly names: readonly string[]
  readonly validFromMs: number
  readonly validUntilMs: number
  readonly isExpired: boolean
  /** It is for a time to come, or this machine's clock is behind. */
  readonly isNotYetValid: boolean
  /** It expires within 14 days, or has expired. */
  readonly isDue: boolean
  readonly certFile: string
  readonly keyFile: string
  /** Why what is in the files now is not served; null when it is. */
  readonly problem: string | null
  /** Announced hosts that the certificate is not for. */
  readonly uncoveredHosts: readonly string[]
}
