import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'

/** What WebRTC proves this node with: peers know its hash beforehand, so nobody else has to sign it. */
export interface SelfSigned {
  readonly pem: string
  /** PEM, PKCS #8. */
  readonly privateKey: string
  /** Multihash of the certificate in multibase, as in `/certhash/<this>`. */
  readonly certhash: string
  readonly validUntilMs: number
}

const COMMON_NAME = 'wesense-node'

/** Tags of ASN.1 that a certificate is made of. */
const TAG = {
  integer: 0x02,
  bits: 0x03,
  oid: 0x06,
  utf8: 0x0c,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
  explicit0: 0xa0,
} as const

const OID = {
  commonName: [0x55, 0x04, 0x03],
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
} as const

/** A new key on P-256 and a certificate for it: no more than DTLS asks for (RFC 5280, version 3). */
export function createSelfSigned(fromMs: number, untilMs: number): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = der(TAG.sequence, der(TAG.oid, Buffer.from(OID.ecdsaWithSha256)))
  const name = der(
    TAG.sequence,
    der(
      TAG.set,
      der(
        TAG.sequence,
        der(TAG.oid, Buffer.from(OID.commonName)),
        der(TAG.utf8, Buffer.from(COMMON_NAME)),
      ),
    ),
  )
  const serial = randomBytes(8)
  // A positive number without a leading zero byte.
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  const toBeSigned = der(
    TAG.sequence,
    der(TAG.explicit0, der(TAG.integer, Buffer.from([2]))),
    der(TAG.integer, serial),
    algorithm,
    name,
    der(TAG.sequence, time(fromMs), time(untilMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = sign('sha256', toBeSigned, privateKey)
  const noUnusedBits = Buffer.from([0])
  const certificate = der(
    TAG.sequence,
    toBeSigned,
    algorithm,
    der(TAG.bits, noUnusedBits, signature),
  )
  return parseSelfSigned(
    new X509Certificate(certificate).toString(),
    String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  )
}

/** @throws when a text is damaged, or the key is another certificate's */
export function parseSelfSigned(pem: string, privateKey: string): SelfSigned {
  const certificate = new X509Certificate(pem)
  if (!certificate.checkPrivateKey(createPrivateKey(privateKey))) {
    throw new Error('the key is not that of the certificate')
  }
  // sha2-256, 32 bytes.
  const prefix = Buffer.from([0x12, 0x20])
  const hash = createHash('sha256').update(certificate.raw).digest()
  return {
    pem,
    privateKey,
    certhash: `u${Buffer.concat([prefix, hash]).toString('base64url')}`,
    validUntilMs: Date.parse(certificate.validTo),
  }
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

/** Generalized time, in whole seconds. */
function time(ms: number): Buffer {
  const text = new Date(ms)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '')
  return der(TAG.time, Buffer.from(text))
}
