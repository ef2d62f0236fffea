import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'

import { escapeRemote } from '../lib/text.ts'
import { TlsError } from './errors.ts'
import type { PairFiles } from './pair-files.ts'
import type { CertificatePair } from './types.ts'

const MOST_NAMES = 100

/** A pair that a TLS server takes, and what it says of itself. */
export interface Certificate {
  readonly pair: CertificatePair
  readonly names: readonly string[]
  readonly validFromMs: number
  readonly validUntilMs: number
  /** @param host a DNS name or an IP */
  covers(host: string): boolean
}

/**
 * Proves everything about a pair but its time: whole certificates, a key without a passphrase that
 * belongs to the first of them, nothing that TLS refuses.
 * @throws TlsError NO_CERTIFICATE, NO_KEY, MISMATCH, UNUSABLE
 */
export function parseCertificate(pair: CertificatePair, files: PairFiles): Certificate {
  const { certFile, keyFile } = files
  const leaf = parseChain(pair.cert, certFile)
  const key = parseKey(pair.key, keyFile)
  if (!leaf.checkPrivateKey(key)) {
    const message = `"${escapeRemote(keyFile)}" is not the key of "${escapeRemote(certFile)}"`
    throw new TlsError('MISMATCH', message, { file: keyFile })
  }
  try {
    createSecureContext(pair)
  } catch (error) {
    const why = error instanceof Error ? escapeRemote(error.message) : 'no reason given'
    const message = `"${escapeRemote(certFile)}" cannot be used for TLS (${why})`
    throw new TlsError('UNUSABLE', message, { file: certFile }, error)
  }
  return {
    pair,
    names: namesOf(leaf),
    validFromMs: Date.parse(leaf.validFrom),
    validUntilMs: Date.parse(leaf.validTo),
    // Browsers look at no other name than the alternative ones.
    covers: (host) =>
      (isIP(host) === 0 ? leaf.checkHost(host, { subject: 'never' }) : leaf.checkIP(host)) !==
      undefined,
  }
}

/** @returns EXPIRED or NOT_YET_VALID, null while it is valid */
export function timeProblem(
  { validFromMs, validUntilMs }: Certificate,
  nowMs: number,
  { certFile: file }: PairFiles,
): TlsError | null {
  const name = `"${escapeRemote(file)}"`
  if (nowMs >= validUntilMs) {
    return new TlsError('EXPIRED', `${name} expired at ${isoTime(validUntilMs)}`, { file })
  }
  if (nowMs >= validFromMs) return null
  const message = `${name} is not valid before ${isoTime(validFromMs)}`
  return new TlsError('NOT_YET_VALID', message, { file })
}

/** @returns the first certificate, which is the server's own */
function parseChain(text: string, file: string): X509Certificate {
  const begun = text.match(/-----BEGIN CERTIFICATE-----/g) ?? []
  const whole = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  const refuse = (why: string, cause?: unknown) =>
    new TlsError('NO_CERTIFICATE', `"${escapeRemote(file)}" ${why}`, { file }, cause)
  if (begun.length === 0) throw refuse('holds no certificate')
  // TLS itself ends the chain at the first gap without a word, and clients miss the rest.
  if (whole.length < begun.length) throw refuse('ends within a certificate')
  try {
    const [leaf] = whole.map((block) => new X509Certificate(block))
    if (leaf !== undefined) return leaf
  } catch (error) {
    throw refuse('holds a damaged certificate', error)
  }
  throw refuse('holds no certificate')
}

function parseKey(text: string, file: string): KeyObject {
  try {
    return createPrivateKey(text)
  } catch (error) {
    const isEncrypted = /-----BEGIN ENCRYPTED |Proc-Type:.*ENCRYPTED/.test(text)
    const why = isEncrypted ? 'holds a key under a passphrase' : 'holds no private key'
    throw new TlsError('NO_KEY', `"${escapeRemote(file)}" ${why}`, { file }, error)
  }
}

function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  const names = subjectAltName.split(', ').flatMap((name) => {
    const value = /^(?:DNS|IP Address):(.+)$/.exec(name)?.[1]
    return value === undefined ? [] : [escapeRemote(value)]
  })
  return names.slice(0, MOST_NAMES)
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
