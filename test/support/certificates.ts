import { execFile } from 'node:child_process'
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import type { CertificatePair } from '../../src/tls/index.ts'

const run = promisify(execFile)
let serial = 0

/** A self-signed pair by openssl, valid from now on. */
export async function makePair(
  dir: string,
  {
    names = ['DNS:localhost', 'IP:127.0.0.1'],
    days = 30,
  }: { names?: string[]; days?: number } = {},
): Promise<CertificatePair> {
  const name = `made-${++serial}`
  const [key, cert] = [join(dir, `${name}.key`), join(dir, `${name}.pem`)]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${names.join(',')}`]
  const files = ['-keyout', key, '-out', cert]
  await run('openssl', ['req', '-x509', ...curve, ...subject, ...files, '-days', String(days)])
  return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') }
}

/** Where a node is told to read its pair, and the ways in which programs renew it there. */
export class PairFolder {
  readonly certFile: string
  readonly keyFile: string
  readonly #dir: string
  #turn = 0

  constructor(dir: string) {
    this.#dir = dir
    this.certFile = join(dir, 'live', 'fullchain.pem')
    this.keyFile = join(dir, 'live', 'privkey.pem')
  }

  /** In place, one after the other. */
  async write({ cert, key }: Partial<CertificatePair>): Promise<void> {
    await mkdir(join(this.#dir, 'live'), { recursive: true })
    if (cert !== undefined) await writeFile(this.certFile, cert)
    if (key !== undefined) await writeFile(this.keyFile, key)
  }

  /** Each file by a rename over the old one. */
  async replace({ cert, key }: CertificatePair): Promise<void> {
    for (const [file, text] of [
      [this.keyFile, key],
      [this.certFile, cert],
    ] as const) {
      await writeFile(`${file}.new`, text)
      await rename(`${file}.new`, file)
    }
  }

  /** As Let's Encrypt's client does: new files elsewhere, and links to them. */
  async relink({ cert, key }: CertificatePair): Promise<void> {
    const turn = ++this.#turn
    const archive = join(this.#dir, 'archive')
    await mkdir(archive, { recursive: true })
    for (const [file, name, text] of [
      [this.certFile, `fullchain${turn}.pem`, cert],
      [this.keyFile, `privkey${turn}.pem`, key],
    ] as const) {
      await writeFile(join(archive, name), text)
      await rm(file, { force: true })
      await symlink(join('..', 'archive', name), file)
    }
  }
}
