import { type Clock, systemClock } from '../lib/clock.ts'
import { Loop } from '../lib/loop.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import { type Certificate, parseCertificate, timeProblem } from './certificate.ts'
import { TlsError } from './errors.ts'
import { DUE_MS, ExpiryReminder } from './expiry-reminder.ts'
import { createTlsMetrics, type TlsMetrics } from './metrics.ts'
import { type FoundPair, type PairFiles, readPairFiles } from './pair-files.ts'
import type { CertificatePair, CertificateService, CertificateStatus } from './types.ts'

/**
 * Between two looks at the files. What is new is judged when two looks have found the same, so a
 * renewal is served within 10 s; a look costs two small reads.
 */
const INTERVAL_MS = 5000

export interface CertificatesOptions {
  /** PEM, with the chain. */
  readonly certFile: string
  /** PEM, without a passphrase. */
  readonly keyFile: string
  /** Announced DNS names and IPs that the certificate should be for. */
  readonly hosts: readonly string[]
  /** @default 5000 */
  readonly intervalMs?: number
}

export interface CertificatesComponents {
  readonly logger: Logger
  readonly metrics: Metrics
  /** @default systemClock */
  readonly clock?: Clock
}

/** The certificate of this node, kept up with its files between `start` and `stop`. */
export interface Certificates extends CertificateService {
  current(): CertificatePair
  status(): CertificateStatus
  /** Callable twice. */
  start(): void
  /** Callable twice, and without a start. */
  stop(): Promise<void>
}

/**
 * Reads the pair that the node starts with. One whose time is over or has not come is taken, for want of
 * another: the rest of the node does not depend on it, and this machine's clock may be the one that is wrong.
 * @throws TlsError UNREADABLE, NO_CERTIFICATE, NO_KEY, MISMATCH, UNUSABLE
 */
export async function loadCertificates(
  options: CertificatesOptions,
  components: CertificatesComponents,
): Promise<Certificates> {
  const found = await readPairFiles(options)
  if ('error' in found) throw found.error
  const certificate = parseCertificate(found.pair, options)
  return new WatchedCertificates(options, components, { certificate, digest: found.digest })
}

/**
 * Judges the files as a start would. @returns what is wrong with the certificate's time, which stops no
 * start; null when nothing is.
 * @throws TlsError UNREADABLE, NO_CERTIFICATE, NO_KEY, MISMATCH, UNUSABLE
 */
export async function checkCertificateFiles(
  files: PairFiles,
  nowMs: number,
): Promise<string | null> {
  const found = await readPairFiles(files)
  if ('error' in found) throw found.error
  return timeProblem(parseCertificate(found.pair, files), nowMs, files)?.message ?? null
}

interface Served {
  readonly certificate: Certificate
  readonly digest: string
}

class WatchedCertificates implements Certificates {
  readonly #options: CertificatesOptions
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #metrics: TlsMetrics
  readonly #loop: Loop
  readonly #reminder = new ExpiryReminder()
  readonly #listeners = new Set<(pair: CertificatePair) => void>()
  #served: Served
  /** What the last look found. */
  #lastDigest: string
  #problem: { readonly message: string; readonly digest: string } | null = null
  #isIntroduced = false

  constructor(
    options: CertificatesOptions,
    { logger, metrics, clock = systemClock }: CertificatesComponents,
    served: Served,
  ) {
    this.#options = options
    this.#logger = logger
    this.#clock = clock
    this.#served = served
    this.#lastDigest = served.digest
    this.#metrics = createTlsMetrics(metrics, () => this.#served.certificate.validUntilMs)
    this.#loop = new Loop({
      name: 'certificate files',
      intervalMs: options.intervalMs ?? INTERVAL_MS,
      clock,
      run: () => this.#look(),
      onError: (error) => logger.error({ error }, 'Certificate files could not be looked at'),
    })
  }

  current(): CertificatePair {
    return this.#served.certificate.pair
  }

  onRenewed(listener: (pair: CertificatePair) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  status(): CertificateStatus {
    const { names, validFromMs, validUntilMs, covers } = this.#served.certificate
    const { certFile, keyFile, hosts } = this.#options
    const nowMs = this.#clock.now()
    return {
      names,
      validFromMs,
      validUntilMs,
      isExpired: nowMs >= validUntilMs,
      isNotYetValid: nowMs < validFromMs,
      isDue: validUntilMs - nowMs <= DUE_MS,
      certFile,
      keyFile,
      problem: this.#problem?.message ?? null,
      uncoveredHosts: hosts.filter((host) => !covers(host)),
    }
  }

  start(): void {
    if (!this.#isIntroduced) this.#warnOfHosts()
    this.#isIntroduced = true
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  async #look(): Promise<void> {
    const found = await readPairFiles(this.#options)
    // A file that is being written, or a pair of which one half is new, is different at the next look.
    const isSettled = found.digest === this.#lastDigest
    this.#lastDigest = found.digest
    if (found.digest === this.#served.digest) this.#forgetProblem()
    else if (isSettled) this.#consider(found)
    this.#remind()
  }

  /** Again at each look while it is refused: the time of a certificate may come. */
  #consider(found: FoundPair): void {
    try {
      if ('error' in found) throw found.error
      const certificate = parseCertificate(found.pair, this.#options)
      const problem = timeProblem(certificate, this.#clock.now(), this.#options)
      if (problem !== null) throw problem
      this.#take({ certificate, digest: found.digest })
    } catch (error) {
      if (!(error instanceof TlsError)) throw error
      this.#refuse(error, found.digest)
    }
  }

  #take(served: Served): void {
    this.#served = served
    this.#problem = null
    this.#reminder.reset()
    this.#metrics.taken()
    const { names, validUntilMs, pair } = served.certificate
    this.#logger.info({ names, validUntil: isoTime(validUntilMs) }, 'Certificate is renewed')
    this.#warnOfHosts()
    for (const listener of [...this.#listeners]) {
      try {
        listener(pair)
      } catch (error) {
        this.#logger.error({ error }, 'A listener did not take the renewed certificate')
      }
    }
  }

  #refuse({ code, message, facts }: TlsError, digest: string): void {
    const { message: told, digest: toldOf } = this.#problem ?? {}
    if (told === message && toldOf === digest) return
    this.#problem = { message, digest }
    this.#metrics.refused(code)
    this.#logger.warn(
      { code, file: facts.file, reason: message },
      'Certificate files are refused, the old certificate is kept',
    )
  }

  #forgetProblem(): void {
    if (this.#problem === null) return
    this.#problem = null
    this.#logger.info({}, 'Certificate files hold the certificate that is served again')
  }

  #remind(): void {
    const { validUntilMs } = this.#served.certificate
    const nowMs = this.#clock.now()
    if (!this.#reminder.isDue(validUntilMs, nowMs)) return
    const facts = { validUntil: isoTime(validUntilMs), file: this.#options.certFile }
    if (nowMs >= validUntilMs) this.#logger.error(facts, 'Certificate has expired')
    else this.#logger.warn(facts, 'Certificate expires soon')
  }

  #warnOfHosts(): void {
    const { names, uncoveredHosts } = this.status()
    for (const host of uncoveredHosts) {
      this.#logger.warn({ host, names }, 'Certificate is not for an announced host')
    }
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
